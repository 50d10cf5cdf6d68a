//! The operator's numbers about Welcomes that wait.

use super::Room;
use crate::sequencer::UnixMillis;

/// What may wait, how much and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxPolicy {
    /// How many different Welcomes a one-time KeyPackage takes from one hub, and from all.
    pub per_one_time: (usize, usize),
    /// How many may wait for a last-resort KeyPackage from one hub, and from all.
    pub per_last_resort: (usize, usize),
    /// What may wait for one user, over all clients. Half of it may be from one hub.
    pub per_user: Room,
    /// How many bytes may wait for all users. A quarter of it may be from one hub.
    pub bytes_max: u64,
    /// How many tickets of one hub are kept. Those that were used are half of them at most.
    pub tickets_per_hub: u32,
    /// For how many KeyPackages those tickets may be that were not used.
    pub ticket_references_per_hub: u32,
    /// How long a ticket is good.
    pub ticket_ms: UnixMillis,
    /// How long it answers those who deliver again, once it was used.
    pub used_ticket_ms: UnixMillis,
    /// How long a Welcome waits.
    pub letter_ms: UnixMillis,
}

const MIB: u64 = 1024 * 1024;
const DAY: UnixMillis = 86_400_000;

impl Default for InboxPolicy {
    fn default() -> Self {
        Self {
            per_one_time: (4, 16),
            per_last_resort: (16, 64),
            per_user: Room { letters: 512, bytes: 256 * MIB },
            bytes_max: 8 * 1024 * MIB,
            tickets_per_hub: 65_536,
            ticket_references_per_hub: 262_144,
            ticket_ms: DAY,
            // Three times the longest pause of a hub that was not answered (V8).
            used_ticket_ms: DAY / 48,
            letter_ms: 30 * DAY,
        }
    }
}

impl InboxPolicy {
    pub(super) fn per_reference(&self, last_resort: bool) -> (usize, usize) {
        if last_resort { self.per_last_resort } else { self.per_one_time }
    }

    pub(super) fn per_user_and_hub(&self) -> Room {
        Room { letters: self.per_user.letters.div_ceil(2), bytes: self.per_user.bytes.div_ceil(2) }
    }

    pub(super) fn bytes_per_hub(&self) -> u64 {
        self.bytes_max / 4
    }
}
