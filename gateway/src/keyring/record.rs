//! One private key and its times.

use std::fmt;

use zeroize::Zeroizing;

use crate::hpke::Kem;

/// A key as it is kept. Times are in milliseconds since the Unix epoch.
///
/// # Privacy
/// `Debug` shows id, KEM and times; the secret is wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct KeyRecord {
    pub(super) key_id: u8,
    pub(super) kem: Kem,
    pub(super) secret: Zeroizing<[u8; 32]>,
    /// In the list from here on.
    pub(super) published_ms: u64,
    /// First in the list from here on.
    pub(super) use_ms: u64,
    /// Out of the list from here on; `u64::MAX` while it has no successor.
    pub(super) until_ms: u64,
}

impl KeyRecord {
    pub(super) fn state(&self, now_ms: u64) -> KeyState {
        if now_ms >= self.until_ms {
            KeyState::Retiring
        } else if now_ms >= self.use_ms {
            KeyState::InUse
        } else {
            KeyState::Published
        }
    }
}

impl fmt::Debug for KeyRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyRecord")
            .field("key_id", &self.key_id)
            .field("kem", &self.kem)
            .field("published_ms", &self.published_ms)
            .field("use_ms", &self.use_ms)
            .field("until_ms", &self.until_ms)
            .finish_non_exhaustive()
    }
}

/// Where a key stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyState {
    /// In the list behind the key that is in use.
    Published,
    /// The first of its KEM in the list.
    InUse,
    /// Out of the list, and still accepted.
    Retiring,
}

impl KeyState {
    /// The word for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Published => "published",
            Self::InUse => "in use",
            Self::Retiring => "retiring",
        }
    }
}

/// What may be said about a key. Times are in milliseconds since the Unix epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    /// Key Identifier.
    pub key_id: u8,
    /// Its KEM.
    pub kem: Kem,
    /// Where it stands.
    pub state: KeyState,
    /// In the list from here on.
    pub published_ms: u64,
    /// Preferred from here on.
    pub use_ms: u64,
    /// Out of the list from here on, once that is settled.
    pub until_ms: Option<u64>,
    /// Refused from here on, once that is settled.
    pub accepted_until_ms: Option<u64>,
}
