//! A Welcome that waits for one client.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::DeliveryKey;
use crate::{
    pool::{Expiry, ExpiryOf, ReferenceKey},
    sequencer::{UnixMillis, UserTag},
    wire::ClientId,
};

/// Names a letter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LetterKey {
    /// For whom.
    pub user: UserTag,
    /// On which device.
    pub client: ClientId,
    /// By this number the client acknowledges it. It is the time at which the letter came, or one more than the last number
    /// of all if that is not smaller: none is used twice, also when an old copy of the database was put back.
    pub number: u64,
}

impl std::fmt::Debug for LetterKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LetterKey(..)")
    }
}

/// Which delivery it is, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Letter {
    /// The Welcome.
    pub delivery: DeliveryKey,
    /// For which of the client's KeyPackages, and where in the Welcome's `secrets`.
    pub addressed: Vec<Addressed>,
    /// When it is dropped if nobody acknowledges it.
    pub expires_ms: UnixMillis,
}

/// One entry of the Welcome's `secrets`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Addressed {
    /// Its place, from 0.
    pub place: u32,
    /// The KeyPackage.
    pub reference: ReferenceKey,
}

impl LetterKey {
    /// When the letter has to be looked at.
    pub(super) fn expiry(self, letter: &Letter) -> Expiry {
        Expiry { due_ms: letter.expires_ms, of: ExpiryOf::Letter(self) }
    }
}
