//! Numbers of RFC 9420 that the drafts' structures carry.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{Fault, Walk};

/// The epoch of an MLS group (RFC 9420 §8.1): a number, unlike the drafts' `Epoch`, which is a list of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct EpochNumber(pub u64);

impl EpochNumber {
    /// The epoch that a commit of this one creates; `None` at the end of the number space.
    pub fn next(self) -> Option<Self> {
        self.0.checked_add(1).map(Self)
    }
}

/// A cipher suite of RFC 9420 §17.1, by its registered number. Any number is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct CipherSuite(pub u16);

/// A protocol version of RFC 9420 §6. Only `mls10` can be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MlsSize, MlsEncode)]
pub struct ProtocolVersion(u16);

impl ProtocolVersion {
    /// `mls10(1)`.
    pub const MLS10: Self = Self(1);
}

impl MlsDecode for ProtocolVersion {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        match u16::mls_decode(reader)? {
            1 => Ok(Self::MLS10),
            _ => Err(Fault::Version.into()),
        }
    }
}

/// The proposal type of SelfRemove of draft-ietf-mls-extensions: an empty struct.
pub(crate) const SELF_REMOVE: u16 = 0x000a;
/// The same under the number for private use that mls-rs gives it.
#[cfg(feature = "client")]
pub(crate) const SELF_REMOVE_PRIVATE: u16 = 0xf003;
