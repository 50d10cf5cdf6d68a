//! A Welcome as it was delivered, for all of this provider's clients that it is for.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use crate::{sequencer::UnixMillis, wire::ServiceProviderId};

/// SHA-256 over who delivered and what: the same from the same hub is the same delivery, however often it comes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct DeliveryKey(pub [u8; 32]);

impl DeliveryKey {
    /// The key of that content, which is a Welcome and perhaps a tree, from that hub.
    pub fn of(hub: &ServiceProviderId, content: &[u8]) -> Self {
        // A zero ends the name, which has none.
        let digest = Sha256::new().chain_update(hub.as_str()).chain_update([0]).chain_update(content).finalize();
        Self(digest.into())
    }
}

impl std::fmt::Debug for DeliveryKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("DeliveryKey(..)")
    }
}

/// What is known of a delivery while somebody has not acknowledged it.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Delivery {
    /// Who delivered it.
    pub hub: ServiceProviderId,
    /// When it came first.
    pub arrived_ms: UnixMillis,
    /// How many bytes Welcome and tree have.
    pub bytes: u32,
    /// How many letters refer to it. With the last one it goes.
    pub letters: u32,
}
