//! Who asks: a provider, and behind our own a user.

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{sequencer::UserTag, wire::ServiceProviderId};

/// The Service-Specific Identifier of a local user.
///
/// # Privacy
/// `Debug` shows nothing of it; it is hashed under the database's own secret before anything keeps it.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct UserId(Vec<u8>);

impl UserId {
    /// The longest id, in bytes.
    pub const LENGTH_MAX: usize = crate::wire::KeyPackageRequest::USER_ID_MAX;

    /// A user id of 1 to 512 bytes.
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=Self::LENGTH_MAX).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The id.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn tag(&self, secret: &[u8; 32]) -> UserTag {
        Self::tag_of(&self.0, secret)
    }

    /// The tag of whatever somebody took for a user's id.
    pub(super) fn tag_of(user_id: &[u8], secret: &[u8; 32]) -> UserTag {
        // The secret has a fixed length and the hash is cut in half: neither splicing nor extension leads anywhere.
        let digest: [u8; 32] = Sha256::new().chain_update(secret).chain_update(user_id).finalize().into();
        let mut tag = [0; 16];
        tag.copy_from_slice(&digest[..16]);
        UserTag(tag)
    }
}

impl std::fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("UserId(..)")
    }
}

/// On whose behalf an operation runs.
#[derive(Clone, Debug)]
pub enum Submitter {
    /// Another provider, by its certificate. Its users are its own business.
    Peer(ServiceProviderId),
    /// A user of this provider.
    User(UserId),
}
