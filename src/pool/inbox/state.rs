//! What the commands about Welcomes read.

use super::{Delivery, DeliveryKey, HubShare, Letter, LetterKey, Mailbox, Ticket, TicketKey, Welcomed};
use crate::{
    pool::{ReferenceKey, State},
    sequencer::UserTag,
    wire::ServiceProviderId,
};

/// What is known of Welcomes that wait, beside what is known of the KeyPackages that they are for.
#[allow(clippy::missing_errors_doc, reason = "every read fails when the store cannot read")]
pub trait InboxState: State {
    /// A hub's ticket.
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Self::Error>;

    /// Which Welcomes were taken for a KeyPackage.
    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Self::Error>;

    /// A Welcome that waits for somebody.
    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Self::Error>;

    /// A Welcome that waits for one client.
    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Self::Error>;

    /// How much waits for a user.
    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Self::Error>;

    /// What a hub takes up, or all of them.
    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Self::Error>;
}
