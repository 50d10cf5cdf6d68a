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
    /// Where handshakes are public, publish the GroupInfo without the ratchet tree, and with it only when the hub asks: it
    /// follows such groups, and mostly knows the tree. So does who joins from outside, if the hub gave a tree to join with
    /// beside the GroupInfo.
    pub trees_on_demand: bool,
    /// How often in one epoch the hub is asked where it leads newcomers, after a commit was passed over (ignored, or behind
    /// the first valid one): at the first, the second, the fourth call of `sync` and so on. 0 turns it off;
    /// [`super::Member::standing`] asks at once.
    pub looks: u32,
    /// Report a fork that was found to the user's own provider and the group's hub ([`super::Member::report_fork`]). Off by
    /// default: it is for apps whose users have agreed to it.
    pub report_forks: bool,
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
            trees_on_demand: true,
            looks: 6,
            report_forks: false,
        }
    }
}
