//! What the hub has on disk, against what was acknowledged: nothing is lost before its time, nothing is there that nobody
//! sent, and nobody has more than a budget allows (specs/protocol.md §5, §16).

use std::collections::BTreeMap;

use super::{
    forest::{Forest, Key, Node, Provider},
    world::World,
};
use crate::{
    sequencer::{GroupKey, Partition, Policy, UnixMillis, Usage},
    service::setup::DAY,
    store::{Snapshot, Store},
    wire::ServiceProviderId,
};

/// More partitions, and budgets, than a history makes.
const ROWS_MAX: usize = 10_000;

impl World {
    /// Looks at everything that is on disk, without a trace.
    pub(super) fn audit(&mut self) {
        let store = self.hub().store.clone();
        let snapshot = store.snapshot().unwrap();
        for group in 0..self.forests.len() {
            self.audit_group(group, &*snapshot);
        }
        self.audit_budgets(&*snapshot);
        let states = self.hub().service.states_bytes();
        assert!(states <= super::STATES_BYTES_MAX, "states of {states} bytes are kept at hand");
        assert!(self.hub().service.has_all_pages(), "memory of answers that are gone is not given back");
    }

    fn audit_group(&mut self, group: usize, snapshot: &dyn Snapshot) {
        let (key, now) = (GroupKey::of(&self.group_ids[group]), self.now());
        let record = snapshot.group(&key).unwrap().unwrap();
        if let Some(deleted_ms) = record.deleted_ms {
            // To the day it is known when a group was used.
            let idle = deleted_ms - self.forests[group].used + DAY;
            assert!(idle >= self.policy.idle_ms, "a group in use was deleted");
            self.is_deleted |= group == super::world::MAIN;
            return;
        }
        let rows: BTreeMap<Key, Partition> =
            snapshot.partitions(&key, &[], None, ROWS_MAX).unwrap().into_iter().collect();
        let forest = &self.forests[group];
        assert!(rows.keys().all(|row| forest.nodes.contains_key(row)), "a partition that nobody has made");
        let mut gone = Vec::new();
        let mut trimmed = Vec::new();
        for (partition, node) in &forest.nodes {
            let Some(row) = rows.get(partition) else {
                assert!(may_go(forest, *partition, &self.policy, now), "a partition is gone that should be there");
                gone.push(*partition);
                continue;
            };
            let first = row.first_index as usize;
            assert_eq!(row.next_index as usize, node.said.len(), "messages were lost, or came from nowhere");
            assert!(first >= node.first);
            for said in &node.said[node.first..first] {
                let is_old = said.at + self.policy.retention_ms <= now;
                assert!(is_old && is_superseded(forest, *partition, &self.policy, now), "removed before its time");
            }
            assert_kept(snapshot, &key, *partition, node, first);
            assert_eq!(row.is_connected(), forest.is_connected(*partition), "connected, or not");
            if first > node.first || row.is_remnant() != node.is_remnant {
                trimmed.push((*partition, first, row.is_remnant()));
            }
        }
        for (partition, first, is_remnant) in trimmed {
            self.note("trimmed");
            let node = self.forests[group].nodes.get_mut(&partition).unwrap();
            (node.first, node.is_remnant) = (first, is_remnant);
        }
        for partition in gone {
            self.note("gone");
            self.forests[group].remove(partition);
        }
    }

    /// K11: after the timers were looked at, no orphan is there that is older than orphans may become.
    pub(super) fn check_orphans_are_gone(&mut self) {
        let (now, policy) = (self.now(), &self.policy);
        for forest in &self.forests {
            for (key, node) in &forest.nodes {
                let is_orphan = node.parent.is_none() && *key != forest.root;
                assert!(!is_orphan || now < node.created + lifetime(node, policy), "an orphan has outlived its time");
            }
        }
    }

    /// B1, B2: what providers have in what is not connected, and what is charged to them, is bounded.
    fn audit_budgets(&mut self, snapshot: &dyn Snapshot) {
        let mut in_all: BTreeMap<ServiceProviderId, Usage> = BTreeMap::new();
        for (provider, _, usage) in snapshot.budgets(None, ROWS_MAX).unwrap() {
            assert!(usage.fits(self.policy.budget_in_group), "{provider:?} has used up {usage:?} in a group");
            let sum = in_all.entry(provider).or_default();
            *sum = sum.plus(usage);
        }
        for (provider, usage) in in_all {
            assert!(usage.fits(self.policy.budget_in_all), "{provider:?} has used up {usage:?} in all groups");
        }
        let mut in_all: BTreeMap<Provider, Usage> = BTreeMap::new();
        for forest in &self.forests {
            for (provider, usage) in unconnected(forest) {
                assert!(usage.fits(self.policy.budget_in_group), "{provider} has {usage:?} beside the tree of a group");
                let sum = in_all.entry(provider).or_default();
                *sum = sum.plus(usage);
            }
        }
        for (provider, usage) in in_all {
            assert!(usage.fits(self.policy.budget_in_all), "{provider} has {usage:?} beside the trees of all groups");
            if usage.partitions > 0 {
                self.note("orphans");
            }
        }
    }
}

/// What each provider has in partitions that are not connected.
fn unconnected(forest: &Forest) -> BTreeMap<Provider, Usage> {
    let mut usages: BTreeMap<Provider, Usage> = BTreeMap::new();
    let nodes = forest.nodes.iter().filter(|(key, _)| !forest.is_connected(**key));
    for (_, node) in nodes {
        let opener = node.announced_by.or(node.said.first().map(|said| said.provider));
        if let Some(opener) = opener {
            usages.entry(opener).or_default().partitions += 1;
        }
        for said in &node.said {
            let attached =
                [&said.group_info, &said.welcome].into_iter().flatten().map(bytes::Bytes::len).sum::<usize>();
            usages.entry(said.provider).or_default().bytes += (said.bytes.len() + attached) as u64;
        }
    }
    usages
}

fn assert_kept(snapshot: &dyn Snapshot, group: &GroupKey, partition: Key, node: &Node, first: usize) {
    let from = u32::try_from(first).unwrap();
    let page = snapshot.messages(group, &partition, from, u64::MAX / 2).unwrap();
    assert_eq!(page.entries.len(), node.said.len() - first, "messages were lost");
    for ((index, entry), (place, said)) in page.entries.iter().zip(node.said.iter().enumerate().skip(first)) {
        assert!(*index as usize == place && entry.message == said.bytes, "another message stands at {place}");
    }
}

/// K11.
fn lifetime(node: &Node, policy: &Policy) -> UnixMillis {
    if node.uses.len() > 1 { policy.shared_orphan_ms } else { policy.orphan_ms }
}

/// K11: an orphan that had its time. E5: a head that nobody used, below what was emptied.
fn may_go(forest: &Forest, key: Key, policy: &Policy, now: UnixMillis) -> bool {
    let node = &forest.nodes[&key];
    match node.parent {
        // Whatever hangs below it goes no sooner than on its own account.
        None => key != forest.root && node.created + lifetime(node, policy) <= now,
        Some((parent, _)) => {
            let is_dead = node.said.is_empty() && node.uses.is_empty() && node.children.is_empty();
            let is_orphan_s = forest
                .nodes
                .get(&parent)
                .is_some_and(|parent| parent.parent.is_none() && parent.created + lifetime(parent, policy) <= now);
            let has_aged = node.created + lifetime(node, policy) <= now;
            (is_dead && is_superseded(forest, parent, policy, now))
                || (has_aged && (is_orphan_s || !forest.is_connected(key)))
        }
    }
}

/// E2, as far as it allows anything to go.
fn is_superseded(forest: &Forest, key: Key, policy: &Policy, now: UnixMillis) -> bool {
    let node = &forest.nodes[&key];
    let is_over = |at: UnixMillis| at + policy.retention_ms <= now;
    node.is_remnant
        || match node.ended {
            Some((_, at)) => is_over(at) && at + policy.restore_ms <= now,
            None => node.children.iter().any(|edge| is_over(edge.at)),
        }
        || (!forest.is_connected(key) && node.created + lifetime(node, policy) <= now)
}
