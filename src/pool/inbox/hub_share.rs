//! What one hub, or all of them together, take up of this provider's memory.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{InboxPolicy, InboxState, Ticket};
use crate::{pool::Transition, sequencer::UnixMillis, wire::ServiceProviderId};

/// Open tickets and what waits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct HubShare {
    /// Tickets that are kept: all that were not used, and some that were.
    pub tickets: u32,
    /// The KeyPackages that they are for, until they are used.
    pub ticket_references: u32,
    /// Bytes of what waits: each delivery once, and [`HubShare::LETTER_BYTES`] for each letter.
    pub bytes: u64,
    /// Of all of them together the number of the last letter, whoever it was for; 0 of one hub. It outlives all letters:
    /// a client that has read up to a number would never see what came with a smaller one.
    pub last_number: u64,
}

impl HubShare {
    /// What a letter counts for, beside what it refers to.
    pub const LETTER_BYTES: u64 = 512;

    /// Whether nothing is taken up.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// What a hub and all of them take up, while a command changes it.
pub(super) struct Shares {
    of_hub: HubShare,
    of_all: HubShare,
}

impl Shares {
    pub(super) fn read<S: InboxState + ?Sized>(state: &S, hub: &ServiceProviderId) -> Result<Self, S::Error> {
        Ok(Self { of_hub: state.hub_share(Some(hub))?, of_all: state.hub_share(None)? })
    }

    /// Whether so many bytes more find room.
    pub(super) fn have_room(&self, bytes: u64, policy: &InboxPolicy) -> bool {
        let fits = |share: &HubShare, within: u64| share.bytes.saturating_add(bytes) <= within;
        fits(&self.of_hub, policy.bytes_per_hub()) && fits(&self.of_all, policy.bytes_max)
    }

    /// The number of one more letter.
    pub(super) fn next_number(&mut self, now: UnixMillis) -> u64 {
        let last = &mut self.of_all.last_number;
        *last = now.max(last.saturating_add(1));
        *last
    }

    pub(super) fn add(&mut self, bytes: u64) {
        for share in [&mut self.of_hub, &mut self.of_all] {
            share.bytes = share.bytes.saturating_add(bytes);
        }
    }

    pub(super) fn remove(&mut self, bytes: u64) {
        for share in [&mut self.of_hub, &mut self.of_all] {
            share.bytes = share.bytes.saturating_sub(bytes);
        }
    }

    /// One more ticket, if the hub may have it.
    pub(super) fn open(&mut self, ticket: &Ticket, policy: &InboxPolicy) -> bool {
        let share = &mut self.of_hub;
        share.tickets = share.tickets.saturating_add(1);
        share.ticket_references = share.ticket_references.saturating_add(ticket.references());
        share.tickets <= policy.tickets_per_hub && share.ticket_references <= policy.ticket_references_per_hub
    }

    /// Whether a ticket is kept when it is used. What a hub has delivered must not keep it from asking for more.
    pub(super) fn keep_used(&self, policy: &InboxPolicy) -> bool {
        self.of_hub.tickets <= policy.tickets_per_hub / 2
    }

    /// The ticket is for nobody any more.
    pub(super) fn close(&mut self, ticket: &Ticket) {
        let share = &mut self.of_hub;
        share.ticket_references = share.ticket_references.saturating_sub(ticket.references());
    }

    /// The ticket is gone.
    pub(super) fn forget(&mut self, ticket: &Ticket) {
        self.close(ticket);
        self.of_hub.tickets = self.of_hub.tickets.saturating_sub(1);
    }

    pub(super) fn write(self, hub: &ServiceProviderId, transition: &mut Transition) {
        transition.inbox.shares.extend([(Some(hub.clone()), self.of_hub), (None, self.of_all)]);
    }
}
