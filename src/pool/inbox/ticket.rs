//! The permission to deliver a Welcome that was asked for.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use super::DeliveryKey;
use crate::{
    pool::{Expiry, ExpiryOf, ReferenceKey},
    sequencer::UnixMillis,
    wire::ServiceProviderId,
};

/// SHA-256 of a ticket.
///
/// # Security
/// A ticket is looked up by its hash: how far a wrong one agrees with a right one does not show in the time, and the
/// database does not hold the ticket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TicketKey(pub [u8; 32]);

impl TicketKey {
    /// The key of a ticket.
    pub fn of(ticket: &[u8]) -> Self {
        Self(Sha256::digest(ticket).into())
    }

    /// When that ticket under it is not good any more.
    pub(super) fn expiry(self, ticket: &Ticket) -> Expiry {
        Expiry { due_ms: ticket.expires_ms, of: ExpiryOf::Ticket(self) }
    }
}

impl std::fmt::Debug for TicketKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TicketKey(..)")
    }
}

/// What a ticket is good for.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Ticket {
    /// Whom it was given to: it is worth nothing to anybody else.
    pub hub: ServiceProviderId,
    /// Until when.
    pub expires_ms: UnixMillis,
    /// For which KeyPackages a Welcome was accepted, in order. None any more once it was used.
    pub references: Vec<ReferenceKey>,
    /// What it was used for: the same again is answered as it was.
    pub used_for: Option<DeliveryKey>,
}

impl Ticket {
    /// Whether that hub may deliver that with it.
    pub fn is_good(&self, hub: &ServiceProviderId, delivery: &DeliveryKey, now: UnixMillis) -> bool {
        self.hub == *hub && now < self.expires_ms && self.used_for.is_none_or(|used_for| used_for == *delivery)
    }

    /// Whether a Welcome was accepted for that KeyPackage.
    pub fn is_for(&self, reference: &ReferenceKey) -> bool {
        self.references.binary_search(reference).is_ok()
    }

    pub(super) fn references(&self) -> u32 {
        u32::try_from(self.references.len()).unwrap_or(u32::MAX)
    }
}
