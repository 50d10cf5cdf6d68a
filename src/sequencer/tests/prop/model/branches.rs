//! What follows what, and which branch leads.

use super::{Key, Model, Provider};
use crate::sequencer::{Policy, UnixMillis};

impl Model {
    /// The partitions above, nearest first.
    pub(super) fn ancestors(&self, key: Key) -> Vec<Key> {
        let parent = |key: &Key| self.partitions.get(key).and_then(|partition| partition.parent).map(|(key, _)| key);
        std::iter::successors(parent(&key), parent).collect()
    }

    /// Edges that connect the partition to the root, or none.
    pub(super) fn depth(&self, key: Key) -> Option<u64> {
        let ancestors = self.ancestors(key);
        (*ancestors.last().unwrap_or(&key) == self.root).then_some(ancestors.len() as u64)
    }

    pub(in super::super) fn epoch(&self, key: Key) -> Option<u64> {
        self.depth(key).map(|depth| self.root_epoch + depth)
    }

    pub(in super::super) fn children(&self, key: Key) -> Vec<Key> {
        let index = |child: Key| self.partitions[&child].parent.map(|(_, index)| index);
        let is_child = |child: &Key| self.partitions[child].parent.is_some_and(|(parent, _)| parent == key);
        let mut children: Vec<Key> = self.partitions.keys().copied().filter(is_child).collect();
        children.sort_by_key(|child| index(*child));
        children
    }

    pub(super) fn descendants(&self, key: Key) -> Vec<Key> {
        self.partitions.keys().copied().filter(|below| self.ancestors(*below).contains(&key)).collect()
    }

    /// Whether `below` descends from `above`.
    pub(in super::super) fn descends(&self, below: Key, above: Key) -> bool {
        self.ancestors(below).contains(&above)
    }

    pub(super) fn announced(&self, child: Key) -> UnixMillis {
        self.partitions[&child].parent.map_or(0, |(parent, index)| self.partitions[&parent].messages[index].at)
    }

    /// The children that the operator has not ended; all of them where the partition itself is ended.
    pub(super) fn rivals(&self, key: Key) -> Vec<Key> {
        let all = self.partitions[&key].ended.is_some();
        self.children(key).into_iter().filter(|child| all || self.partitions[child].ended.is_none()).collect()
    }

    /// How many established providers have used each child.
    pub(super) fn actors(&self, key: Key) -> Vec<(Key, usize)> {
        let Some(forked) = self.partitions.get(&key).and_then(|forked| forked.forked) else { return Vec::new() };
        let mut above = self.ancestors(key);
        above.push(key);
        let is_established = |provider: &Provider| {
            above.iter().any(|key| self.partitions[key].uses.get(provider).is_some_and(|(first, _)| *first < forked))
        };
        let actors =
            |child: &Key| self.partitions[child].uses.keys().filter(|provider| is_established(provider)).count();
        self.rivals(key).into_iter().map(|child| (child, actors(&child))).collect()
    }

    /// The child that the most established providers used; of equals the one that was sequenced first.
    pub(in super::super) fn dominant(&self, key: Key) -> Option<Key> {
        let actors = self.actors(key);
        let most = actors.iter().map(|(_, actors)| *actors).max()?;
        actors.into_iter().find(|(_, actors)| *actors == most).map(|(child, _)| child)
    }

    pub(super) fn is_path(&self, key: Key, holds: impl Fn(Key, Key) -> bool) -> bool {
        let mut path = self.ancestors(key);
        path.reverse();
        path.push(key);
        path[0] == self.root
            && self.partitions[&key].ended.is_none()
            && path.windows(2).all(|edge| holds(edge[0], edge[1]))
    }

    pub(super) fn is_on_dominant_branch(&self, key: Key) -> bool {
        self.is_path(key, |above, child| self.dominant(above) == Some(child))
    }

    /// Whether it is in the tree and off the dominant branch.
    pub(in super::super) fn is_aside(&self, key: Key) -> bool {
        self.depth(key).is_some() && !self.is_on_dominant_branch(key)
    }

    pub(super) fn is_outnumbered_nowhere(&self, key: Key) -> bool {
        self.is_path(key, |above, child| {
            let actors = self.actors(above);
            let most = actors.iter().map(|(_, actors)| *actors).max();
            actors.iter().any(|(rival, actors)| *rival == child && Some(*actors) == most)
        })
    }

    /// Along dominant children, as long as the provider presented each within the window and it fits.
    pub(in super::super) fn hints(
        &self,
        requested: Key,
        by: Provider,
        policy: &Policy,
        now: UnixMillis,
        size: impl Fn(Key) -> u64,
    ) -> Vec<Key> {
        let mut hints: Vec<Key> = Vec::new();
        while let Some(next) = self.dominant(*hints.last().unwrap_or(&requested)) {
            let partition = &self.partitions[&next];
            let is_entitled = partition.uses.get(&by).is_some_and(|(_, last)| last + policy.hint_window_ms >= now);
            let bytes: u64 = hints.iter().chain([&next]).map(|key| size(*key)).sum();
            let fits = hints.len() < policy.hint_epochs && bytes <= policy.hint_bytes;
            if !is_entitled || partition.messages.is_empty() || partition.trimmed > 0 || !fits {
                break;
            }
            hints.push(next);
        }
        hints
    }
}
