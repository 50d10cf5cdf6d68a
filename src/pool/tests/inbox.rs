//! Welcomes that wait, in memory, and what must hold of them after every command.

use std::collections::HashMap;

use bytes::Bytes;

use super::world::set;
use crate::{
    pool::{
        Delivery, DeliveryKey, HubShare, InboxChanges, InboxPolicy, Letter, LetterKey, Mailbox, ReferenceKey, Room,
        Ticket, TicketKey, Welcomed,
    },
    sequencer::UserTag,
    wire::ServiceProviderId,
};

#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    pub(super) tickets: HashMap<TicketKey, Ticket>,
    pub(super) welcomed: HashMap<ReferenceKey, Welcomed>,
    pub(super) deliveries: HashMap<DeliveryKey, Delivery>,
    pub(super) contents: HashMap<DeliveryKey, Bytes>,
    pub(super) letters: HashMap<LetterKey, Letter>,
    pub(super) mailboxes: HashMap<UserTag, Mailbox>,
    pub(super) shares: HashMap<Option<ServiceProviderId>, HubShare>,
}

impl Inbox {
    pub(super) fn apply(&mut self, changes: InboxChanges) {
        set(&mut self.tickets, changes.tickets);
        set(&mut self.welcomed, changes.welcomed);
        set(&mut self.deliveries, changes.deliveries);
        set(&mut self.contents, changes.contents);
        set(&mut self.letters, changes.letters);
        set(&mut self.mailboxes, changes.mailboxes);
        self.shares.extend(changes.shares);
    }

    /// What one row says of others is so, and nobody has more than may be.
    pub(super) fn assert_sound(&self, policy: &InboxPolicy) {
        assert_eq!(self.contents.len(), self.deliveries.len());
        for (key, delivery) in &self.deliveries {
            let letters = self.letters.values().filter(|letter| letter.delivery == *key).count();
            assert!(letters > 0, "nothing is kept for nobody");
            assert_eq!(delivery.letters as usize, letters);
            assert_eq!(delivery.bytes as usize, self.contents[key].len());
        }
        assert!(self.letters.keys().all(|key| self.mailboxes.contains_key(&key.user)));
        for (user, mailbox) in &self.mailboxes {
            assert!(mailbox.all.letters > 0, "when the last one came is forgotten with it");
            let mut rooms: HashMap<&ServiceProviderId, Room> = HashMap::new();
            let mut all = Room::default();
            for (key, letter) in self.letters.iter().filter(|(key, _)| key.user == *user) {
                assert!(key.number <= self.shares[&None].last_number);
                let delivery = &self.deliveries[&letter.delivery];
                for room in [&mut all, rooms.entry(&delivery.hub).or_default()] {
                    room.letters += 1;
                    room.bytes += u64::from(delivery.bytes);
                }
            }
            assert_eq!(mailbox.all, all);
            assert!(all.letters <= policy.per_user.letters && all.bytes <= policy.per_user.bytes);
            assert_eq!(mailbox.hubs.iter().map(|share| (&share.hub, share.room)).collect::<HashMap<_, _>>(), rooms);
        }
        for (hub, share) in &self.shares {
            let is_of = |of: &ServiceProviderId| hub.as_ref().is_none_or(|hub| hub == of);
            let of_hub = self.deliveries.values().filter(|delivery| is_of(&delivery.hub));
            let bytes: u64 =
                of_hub.map(|it| u64::from(it.bytes) + HubShare::LETTER_BYTES * u64::from(it.letters)).sum();
            assert_eq!(share.bytes, bytes);
            assert!(bytes <= policy.bytes_max);
            let tickets: Vec<_> = self.tickets.values().filter(|ticket| is_of(&ticket.hub)).collect();
            if hub.is_some() {
                assert_eq!(share.tickets as usize, tickets.len());
                let references: usize = tickets.iter().map(|ticket| ticket.references.len()).sum();
                assert_eq!(share.ticket_references as usize, references);
                assert!(share.tickets <= policy.tickets_per_hub);
                let used = tickets.iter().filter(|ticket| ticket.used_for.is_some()).count();
                assert!(used <= policy.tickets_per_hub as usize / 2);
            }
        }
        self.assert_taken();
    }

    /// Exactly what waits is noted as waiting.
    fn assert_taken(&self) {
        let mut waiting = 0;
        for (key, letter) in &self.letters {
            for addressed in &letter.addressed {
                waiting += 1;
                let taken = &self.welcomed[&addressed.reference].taken;
                let of_letter = taken.iter().filter(|taken| taken.waits && taken.delivery == letter.delivery);
                assert_eq!(of_letter.count(), 1, "{key:?}");
            }
        }
        let noted = self.welcomed.values().flat_map(|welcomed| &welcomed.taken).filter(|taken| taken.waits).count();
        assert_eq!(noted, waiting);
    }

    /// The letters of a user, in order.
    pub(super) fn of(&self, user: UserTag) -> Vec<(LetterKey, Letter)> {
        let of_user = self.letters.iter().filter(|(key, _)| key.user == user);
        let mut letters: Vec<_> = of_user.map(|(key, letter)| (*key, letter.clone())).collect();
        letters.sort_by_key(|(key, _)| *key);
        letters
    }
}
