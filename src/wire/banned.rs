//! Bans that live in the group state (specs/protocol.md): a GroupContext extension.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

/// The extension type of [`Banned`], from the private-use range of RFC 9420 §17.3.
pub const BANNED_EXTENSION: u16 = 0xf0d5;

/// `opaque Identity<V>`: the identity of a basic credential.
#[derive(Clone, PartialEq, Eq, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct Identity(#[mls_codec(with = "byte_vec")] pub Vec<u8>);

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Identity(..)")
    }
}

/// `struct { Identity banned<V>; }`: who may not be in the group, in this branch.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct Banned {
    /// The banned identities: at most [`Banned::MAX`].
    pub banned: Vec<Identity>,
}

impl Banned {
    /// The most identities that one group can ban.
    pub const MAX: usize = crate::mls::BANNED_MAX;
}

impl MlsDecode for Banned {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { banned: super::bounded_list(reader, Self::MAX)? })
    }
}
