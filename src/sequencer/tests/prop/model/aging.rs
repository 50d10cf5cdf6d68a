//! What goes when its time is over.

use std::collections::BTreeMap;

use super::{Key, Model, Partition, Provider};
use crate::sequencer::{Policy, UnixMillis};

impl Model {
    /// Removes what has no parent, is not the root and has had its time, until there is no such partition.
    pub(in super::super) fn age(&mut self, policy: &Policy, now: UnixMillis) -> usize {
        let mut removed = 0;
        loop {
            let is_over = |partition: &Partition| {
                let lifetime = if partition.uses.len() > 1 { policy.shared_orphan_ms } else { policy.orphan_ms };
                partition.parent.is_none() && partition.created + lifetime <= now
            };
            let root = self.root;
            let over = self.partitions.iter().find(|(key, partition)| **key != root && is_over(partition));
            let Some(key) = over.map(|(key, _)| *key) else { return removed };
            for child in self.children(key) {
                self.partitions.get_mut(&child).unwrap().parent = None;
            }
            self.partitions.remove(&key);
            removed += 1;
        }
    }

    /// Removes what has had its time: what was superseded, as far as it is old; and all of a group that was deleted.
    pub(in super::super) fn retain(&mut self, derived: &[Key], policy: &Policy, now: UnixMillis) {
        let is_over = |at: UnixMillis| at + policy.retention_ms <= now;
        if self.deleted.is_some_and(is_over) {
            self.partitions.clear();
            self.joins.clear();
            self.users.clear();
            return;
        }
        self.joins.retain(|_, (at, ..)| !is_over(*at));
        for key in self.partitions.keys().copied().collect::<Vec<_>>() {
            // It may have been a head that goes with the partition above it.
            let is_there = self.partitions.contains_key(&key);
            if is_there && self.is_due(key, policy, now) && !self.is_needed(key, derived, policy, now) {
                self.trim(key, policy, now);
            }
        }
        if self.deleted.is_none() && self.used + policy.idle_ms <= now {
            self.deleted = Some(now);
        }
    }

    /// Whether it was superseded, or there is something in what was left of it.
    fn is_due(&self, key: Key, policy: &Policy, now: UnixMillis) -> bool {
        let partition = &self.partitions[&key];
        let is_over = |at: UnixMillis| at + policy.retention_ms <= now;
        self.depth(key).is_some()
            && match (partition.is_remnant, partition.ended) {
                (true, _) => partition.trimmed < partition.messages.len() || !partition.charges.is_empty(),
                (false, Some((_, at))) => is_over(at) && at + policy.restore_ms <= now,
                (false, None) => self
                    .dominant(key)
                    .is_some_and(|child| is_over(self.announced(child)) && !self.may_stay(key, child, policy, now)),
            }
    }

    /// Whether somebody who used the partition long after that commit has used nothing below since, or nobody but its
    /// announcer did and others were here or above.
    fn may_stay(&self, key: Key, child: Key, policy: &Policy, now: UnixMillis) -> bool {
        let mut below = vec![child];
        while let Some(next) = self.dominant(*below.last().unwrap()) {
            below.push(next);
        }
        let mut went_on: BTreeMap<Provider, UnixMillis> = BTreeMap::new();
        for (by, (_, last)) in below.iter().flat_map(|below| &self.partitions[below].uses) {
            let known = went_on.entry(*by).or_default();
            *known = *last.max(known);
        }
        let announcer = self.partitions[&child].announced_by;
        let since = now.saturating_sub(policy.idle_ms);
        let stays = |(by, (_, last)): (&Provider, &(UnixMillis, UnixMillis))| {
            let is_late = *last >= since && *last >= self.announced(child) + policy.doubt_after_ms;
            let is_gone =
                went_on.get(by).is_some_and(|went_on| Some(*by) != announcer || *went_on >= *last + policy.silence_ms);
            is_late && !is_gone
        };
        let mut here_and_above = self.ancestors(key);
        here_and_above.push(key);
        let is_other = |by: &Provider| Some(*by) != announcer;
        let has_others = here_and_above
            .iter()
            .flat_map(|key| &self.partitions[key].uses)
            .any(|(by, (_, last))| is_other(by) && *last >= since);
        let is_followed = went_on.keys().any(is_other);
        self.partitions[&key].uses.iter().any(stays) || (has_others && !is_followed)
    }

    /// Whether the public state of an epoch that stays is derived from what is in it.
    fn is_needed(&self, key: Key, derived: &[Key], policy: &Policy, now: UnixMillis) -> bool {
        let dominant = self.dominant(key);
        let is_lost = |child: Key| self.is_dead(child) && Some(child) != dominant;
        let mut below = self.children(key).into_iter().filter(|child| derived.contains(child) && !is_lost(*child));
        below.any(|child| !self.is_due(child, policy, now) || self.is_needed(child, derived, policy, now))
    }

    /// Whether it is a head that nobody ever used.
    fn is_dead(&self, key: Key) -> bool {
        let head = &self.partitions[&key];
        let is_unused = head.messages.is_empty() && head.uses.is_empty() && self.children(key).is_empty();
        is_unused && head.ended.is_none()
    }

    fn trim(&mut self, key: Key, policy: &Policy, now: UnixMillis) {
        let partition = self.partitions.get_mut(&key).unwrap();
        let young = partition.messages.iter().skip(partition.trimmed);
        let old = young.take_while(|message| message.at + policy.retention_ms <= now).count();
        partition.trimmed += old;
        if partition.trimmed < partition.messages.len() {
            return;
        }
        partition.forgotten = partition.trimmed;
        partition.is_remnant = true;
        partition.has_group_info = false;
        partition.charges.clear();
        partition.debtors.clear();
        let dominant = self.dominant(key);
        for child in self.children(key) {
            if self.is_dead(child) && Some(child) != dominant {
                self.partitions.remove(&child);
            }
        }
    }
}
