//! By what a request is known again (specs/protocol.md S8).

use crate::mls::WireMessage;
#[cfg(doc)]
use crate::wire::MaskedPartitionKey;

/// By what a repeated send is recognised within its partition: message, next partition and Welcome.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct RepeatKey([u8; 32]);

/// The part of a [`RepeatKey`] that is stored.
pub type StoredRepeatKey = [u8; RepeatKey::STORED_LENGTH];

impl RepeatKey {
    /// How many bytes of it are stored. A sender can make only its own messages collide, which harms nobody else.
    pub const STORED_LENGTH: usize = 16;

    /// A key from a digest.
    pub fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// The part that is stored.
    pub fn stored(&self) -> StoredRepeatKey {
        let mut stored = [0; Self::STORED_LENGTH];
        stored.copy_from_slice(&self.0[..Self::STORED_LENGTH]);
        stored
    }

    /// By what a repeated join or external proposal is recognised within its group: the message alone, wherever it was
    /// placed. The row stands under [`MaskedPartitionKey::NONE`].
    pub fn in_group(message: &WireMessage) -> Self {
        Self(message.digest())
    }
}

impl std::fmt::Debug for RepeatKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RepeatKey(..)")
    }
}
