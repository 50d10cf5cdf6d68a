//! What a command changes about Welcomes that wait, as data.

use bytes::Bytes;

use super::{Delivery, DeliveryKey, HubShare, Letter, LetterKey, Mailbox, Ticket, TicketKey, Welcomed};
use crate::{pool::ReferenceKey, sequencer::UserTag, wire::ServiceProviderId};

/// Rows are set, or removed where there is `None`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct InboxChanges {
    /// Tickets.
    pub tickets: Vec<(TicketKey, Option<Ticket>)>,
    /// Which Welcomes were taken for KeyPackages.
    pub welcomed: Vec<(ReferenceKey, Option<Welcomed>)>,
    /// What was delivered.
    pub deliveries: Vec<(DeliveryKey, Option<Delivery>)>,
    /// The same byte for byte.
    pub contents: Vec<(DeliveryKey, Option<Bytes>)>,
    /// Who gets it.
    pub letters: Vec<(LetterKey, Option<Letter>)>,
    /// What users have waiting.
    pub mailboxes: Vec<(UserTag, Option<Mailbox>)>,
    /// What hubs take up; `None` stands for all of them together.
    pub shares: Vec<(Option<ServiceProviderId>, HubShare)>,
}
