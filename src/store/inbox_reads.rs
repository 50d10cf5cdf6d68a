//! Reading what waits for clients: tickets, Welcomes and who they are for.

use crate::{
    pool::{Delivery, DeliveryKey, HubShare, Letter, LetterKey, Mailbox, ReferenceKey, Ticket, TicketKey, Welcomed},
    sequencer::UserTag,
    store::Error,
    wire::{ClientId, ServiceProviderId},
};

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait InboxReads {
    /// A hub's ticket.
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Error>;

    /// Which Welcomes were taken for a KeyPackage.
    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Error>;

    /// A Welcome that waits for somebody.
    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error>;

    /// The same byte for byte: a Welcome and perhaps a tree, which have as many bytes as the record says.
    fn content(&self, key: &DeliveryKey, bytes: u32) -> Result<Option<bytes::Bytes>, Error>;

    /// A Welcome that waits for one client.
    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Error>;

    /// What waits for a client under numbers greater than that, in order, at most `limit`.
    fn letters(
        &self,
        user: &UserTag,
        client: &ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(LetterKey, Letter)>, Error>;

    /// How much waits for a user.
    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Error>;

    /// What a hub takes up, or all of them.
    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Error>;
}
