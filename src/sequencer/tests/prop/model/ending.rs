//! Branches that the operator ends.

use super::{Key, Model};
use crate::sequencer::{Policy, UnixMillis};

impl Model {
    /// Ends the branch that begins with the partition. Says whether there is one.
    pub(in super::super) fn terminate(&mut self, top: Key, now: UnixMillis) -> bool {
        let is_branch =
            top != self.root && self.partitions.get(&top).is_some_and(|partition| partition.ended.is_none());
        if !is_branch || self.depth(top).is_none() {
            return false;
        }
        for key in self.descendants(top).into_iter().chain([top]) {
            self.partitions.get_mut(&key).unwrap().ended.get_or_insert((top, now));
        }
        true
    }

    /// Takes that back, within its time, unless what is above is ended as well.
    pub(in super::super) fn restore(&mut self, top: Key, policy: &Policy, now: UnixMillis) -> bool {
        let Some(partition) = self.partitions.get(&top) else { return false };
        let in_time = partition.ended.is_some_and(|(with, at)| with == top && now < at + policy.restore_ms);
        let is_below = partition.parent.is_some_and(|(parent, _)| self.partitions[&parent].ended.is_some());
        if !in_time || is_below {
            return false;
        }
        for partition in self.partitions.values_mut() {
            partition.ended = partition.ended.filter(|(with, _)| *with != top);
        }
        true
    }
}
