//! Who has used what, what that shows, and who pays.

use super::{Asked, HUB, Key, Model, Provider};
use crate::sequencer::{Policy, UnixMillis, Usage};

const DAY: UnixMillis = 86_400_000;

impl Model {
    pub(in super::super) fn used(&self, provider: Provider) -> Usage {
        let charges = self.partitions.values().filter_map(|partition| partition.charges.get(&provider));
        charges.fold(Usage::default(), |sum, usage| sum.plus(*usage))
    }

    /// Whether somebody else than that provider used the partition.
    pub(super) fn is_used_beside(&self, key: Key, provider: Option<Provider>) -> bool {
        self.partitions[&key].uses.keys().any(|user| Some(*user) != provider)
    }

    pub(super) fn is_first_use(&self, key: Key, by: Provider) -> bool {
        self.partitions.get(&key).is_some_and(|partition| !partition.uses.contains_key(&by))
    }

    /// What a provider's first use of the partition shows: two live children with different users, and two users of what is not
    /// connected.
    pub(super) fn note_first_use(&mut self, key: Key, by: Provider) {
        if self.depth(key).is_none() {
            if self.is_used_beside(key, Some(by)) {
                self.sign(key, "shared orphan");
            }
        } else if self.partitions[&key].ended.is_none()
            && let Some((parent, _)) = self.partitions[&key].parent
            && self.has_rival(parent, key, &[by])
        {
            self.sign(parent, "rival children");
        }
    }

    pub(super) fn has_rival(&self, parent: Key, key: Key, users: &[Provider]) -> bool {
        let others = self.children(parent).into_iter().filter(|child| *child != key);
        let live = others.filter(|child| self.partitions[child].ended.is_none());
        live.flat_map(|child| self.partitions[&child].uses.keys()).any(|theirs| users.iter().any(|ours| ours != theirs))
    }

    /// A receive: recorded when it is the first, or the last one is an hour old.
    pub(in super::super) fn present(&mut self, key: Key, provider: Provider, policy: &Policy, now: UnixMillis) -> bool {
        let is_connected = self.depth(key).is_some();
        // Of a remnant nobody is given anything, and nothing is noted.
        if self.partitions.get(&key).is_none_or(|partition| partition.is_remnant) {
            return false;
        }
        if self.is_first_use(key, provider) {
            self.note_first_use(key, provider);
        }
        let Some(partition) = self.partitions.get_mut(&key) else { return false };
        let known = partition.uses.get(&provider).copied();
        if known.is_some_and(|(_, last)| now < last + policy.presentation_interval_ms) {
            return false;
        }
        partition.uses.insert(provider, (known.map_or(now, |(first, _)| first), now));
        if is_connected {
            self.users.insert(provider);
            self.note_use(now);
        }
        true
    }

    pub(super) fn note_use(&mut self, now: UnixMillis) {
        if now >= self.used + DAY {
            self.used = now;
        }
    }

    pub(super) fn charge(&mut self, key: Key, provider: Provider, usage: Usage, exempt: bool) {
        if exempt || usage.is_nothing() {
            return;
        }
        let partition = self.partitions.get_mut(&key).unwrap();
        partition.debtors.insert(provider);
        let charge = partition.charges.entry(provider).or_default();
        *charge = charge.plus(usage);
    }

    /// What others had to pay for what led here is given back; to its own provider only by the hub.
    pub(super) fn vouch(&mut self, asked: &Asked) {
        let stays = |by: &Provider| *by == asked.provider && *by != HUB;
        for key in std::iter::once(asked.partition).chain(self.ancestors(asked.partition)) {
            let partition = self.partitions.get_mut(&key).unwrap();
            if partition.debtors.iter().all(stays) {
                break;
            }
            partition.debtors.retain(stays);
            partition.charges.retain(|by, _| stays(by));
        }
    }

    pub(super) fn sign(&mut self, key: Key, sign: &'static str) {
        self.partitions.get_mut(&key).unwrap().signs.insert(sign);
    }
}
