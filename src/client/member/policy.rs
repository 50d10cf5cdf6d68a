//! The bounds of a member.

use crate::client::Backoff;

/// How much a [`super::Member`] keeps and how hard it tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberPolicy {
    /// Intents that may wait.
    pub queue: usize,
    /// Progress that may wait to be taken. Reading stops above it.
    pub progress: usize,
    /// How often an intent is rebuilt after its commit lost a race.
    pub rebuilds: u32,
    /// How many exchanges one call of `read` or one intent may take, retries not counted.
    pub rounds: u32,
    /// In how many calls of `read` after a commit the partitions before it are asked for stragglers. Then their keys are
    /// wiped.
    pub drains: u32,
    /// How failed exchanges are repeated.
    pub backoff: Backoff,
    /// Publish a GroupInfo with each commit, so that others can join externally. Off by default: it shows the hub every
    /// member's credential, which encrypted handshakes hide.
    pub group_info: bool,
}

impl Default for MemberPolicy {
    fn default() -> Self {
        Self {
            queue: 1024,
            progress: 65_536,
            rebuilds: 16,
            rounds: 256,
            drains: 8,
            backoff: Backoff::default(),
            group_info: false,
        }
    }
}
