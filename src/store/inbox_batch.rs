//! The part of a batch that concerns Welcomes that wait.

use std::collections::HashMap;

use bytes::Bytes;

use crate::{
    pool::{
        Delivery, DeliveryKey, HubShare, InboxChanges, Letter, LetterKey, Mailbox, ReferenceKey, Ticket, TicketKey,
        Welcomed,
    },
    sequencer::UserTag,
    wire::ServiceProviderId,
};

/// Changes merged in order: the last record of a row is the one that is written, `None` removes it.
#[derive(Clone, Default)]
pub struct InboxBatch {
    /// Tickets of hubs.
    pub tickets: HashMap<TicketKey, Option<Ticket>>,
    /// Which Welcomes were taken for KeyPackages.
    pub welcomed: HashMap<ReferenceKey, Option<Welcomed>>,
    /// What was delivered.
    pub deliveries: HashMap<DeliveryKey, Option<Delivery>>,
    /// The same byte for byte.
    pub contents: HashMap<DeliveryKey, Option<Bytes>>,
    /// Who gets it.
    pub letters: HashMap<LetterKey, Option<Letter>>,
    /// What users have waiting.
    pub mailboxes: HashMap<UserTag, Option<Mailbox>>,
    /// What hubs take up, and all of them.
    pub shares: HashMap<Option<ServiceProviderId>, HubShare>,
}

impl InboxBatch {
    /// Adds what a command changed.
    pub fn push(&mut self, changes: InboxChanges) {
        self.tickets.extend(changes.tickets);
        self.welcomed.extend(changes.welcomed);
        self.deliveries.extend(changes.deliveries);
        self.contents.extend(changes.contents);
        self.letters.extend(changes.letters);
        self.mailboxes.extend(changes.mailboxes);
        self.shares.extend(changes.shares);
    }

    /// Adds what came after, as a whole.
    pub fn absorb(&mut self, later: Self) {
        self.tickets.extend(later.tickets);
        self.welcomed.extend(later.welcomed);
        self.deliveries.extend(later.deliveries);
        self.contents.extend(later.contents);
        self.letters.extend(later.letters);
        self.mailboxes.extend(later.mailboxes);
        self.shares.extend(later.shares);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.tickets.is_empty()
            && self.welcomed.is_empty()
            && self.deliveries.is_empty()
            && self.contents.is_empty()
            && self.letters.is_empty()
            && self.mailboxes.is_empty()
            && self.shares.is_empty()
    }
}
