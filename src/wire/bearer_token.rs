//! Bearer tokens (specs/protocol.md): opaque to everyone but the provider that makes them.

use std::fmt;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::mls::{Fault, fixed};

/// What a token tells its maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum BearerTokenKind {
    /// "Learned this user in discovery": the same for all contacts, so it identifies nobody.
    Shared = 0,
    /// A handle for each contact: abuse can be traced to it and it can be revoked alone.
    Unique = 1,
}

/// `struct { BearerTokenKind kind; opaque handle<V>; opaque tag[32]; }`.
///
/// # Privacy
/// `Debug` shows the kind only; handle and tag are wiped when dropped.
#[derive(Clone, Eq, MlsSize, MlsEncode, Zeroize, ZeroizeOnDrop)]
pub struct BearerToken {
    /// Shared or unique.
    #[zeroize(skip)]
    pub kind: BearerTokenKind,
    /// Names a contact (at most 64 bytes); empty in a shared token.
    #[mls_codec(with = "byte_vec")]
    pub handle: Vec<u8>,
    /// HMAC-SHA256 over the [`BearerTokenInput`].
    pub tag: [u8; 32],
}

impl BearerToken {
    const HANDLE_MAX: usize = 64;
}

impl PartialEq for BearerToken {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind && self.handle == other.handle && bool::from(self.tag.ct_eq(&other.tag))
    }
}

impl MlsDecode for BearerToken {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let kind = BearerTokenKind::mls_decode(reader)?;
        let handle = super::bounded_bytes(reader, Self::HANDLE_MAX, Fault::TokenLength)?;
        if kind == BearerTokenKind::Shared && !handle.is_empty() {
            return Err(Fault::TokenLength.into());
        }
        Ok(Self { kind, handle, tag: fixed(reader)? })
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BearerToken").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What the tag of a token covers.
///
/// # Privacy
/// `Debug` shows neither user nor handle; they are wiped when dropped.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode, Zeroize, ZeroizeOnDrop)]
pub struct BearerTokenInput {
    /// [`BearerTokenInput::LABEL`].
    #[mls_codec(with = "byte_vec")]
    pub label: Vec<u8>,
    /// Shared or unique.
    #[zeroize(skip)]
    pub kind: BearerTokenKind,
    /// The user whose KeyPackages the token opens.
    #[mls_codec(with = "byte_vec")]
    pub user_id: Vec<u8>,
    /// As in the token.
    #[mls_codec(with = "byte_vec")]
    pub handle: Vec<u8>,
    /// Rotates the tokens of all users.
    pub period: u64,
    /// Raised to revoke all tokens of one user.
    pub generation: u32,
}

impl BearerTokenInput {
    /// Separates this use of the key from every other.
    pub const LABEL: &'static [u8] = b"mimi-ds bearer v1";
}

impl fmt::Debug for BearerTokenInput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("BearerTokenInput")
            .field("kind", &self.kind)
            .field("period", &self.period)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}
