//! What the hub has to know of a group, worked out from what was acknowledged and the written rules (specs/protocol.md
//! §14), and from nothing that the hub says: messages, edges, uses, branches that were ended.
//!
//! Slow and small. Everything that can be worked out is worked out each time that it is asked.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use super::cast::Name;
use crate::{
    sequencer::UnixMillis,
    wire::{MaskedPartitionKey, PartitionKey},
};

pub(super) type Provider = &'static str;
pub(super) type Key = MaskedPartitionKey;

/// A message that was acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) bytes: Bytes,
    /// Of a commit, what it announced and what was published beside it.
    pub(super) next: Option<Key>,
    pub(super) group_info: Option<Bytes>,
    pub(super) welcome: Option<Bytes>,
    pub(super) by: Name,
    pub(super) provider: Provider,
    pub(super) at: UnixMillis,
    /// Whether some members cannot open it that others can.
    pub(super) is_spoiled: bool,
    /// Whether it came from who is no member.
    pub(super) is_external: bool,
    /// Whom it, or the proposal, would bring in.
    pub(super) adds: Vec<Name>,
}

/// A partition.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) key: PartitionKey,
    /// Its place in the order in which they were made.
    pub(super) number: usize,
    pub(super) created: UnixMillis,
    pub(super) parent: Option<(Key, u32)>,
    pub(super) announced_by: Option<Provider>,
    /// In the order in which they were sequenced.
    pub(super) children: Vec<Edge>,
    pub(super) said: Vec<Said>,
    /// How many messages, from the first one on, retention has removed.
    pub(super) first: usize,
    /// Everything that was in it was removed once.
    pub(super) is_remnant: bool,
    /// The first and the last time, for each provider.
    pub(super) uses: BTreeMap<Provider, (UnixMillis, UnixMillis)>,
    /// The last time, for each user of the hub.
    pub(super) users: BTreeMap<Name, UnixMillis>,
    /// With which partition the operator has ended it, and when.
    pub(super) ended: Option<(Key, UnixMillis)>,
    /// Who is in the group in that epoch, and whom it bans, as told by somebody who is there.
    pub(super) roster: BTreeSet<Name>,
    pub(super) banned: BTreeSet<Name>,
    /// Whether anybody has told.
    pub(super) is_told: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) child: Key,
    pub(super) at: UnixMillis,
}

/// A group.
#[derive(Debug)]
pub(super) struct Forest {
    pub(super) root: Key,
    pub(super) nodes: BTreeMap<Key, Node>,
    /// How many partitions were made.
    made: usize,
    /// When anybody used it last.
    pub(super) used: UnixMillis,
}

impl Node {
    fn new(key: PartitionKey, number: usize, created: UnixMillis) -> Self {
        Self {
            key,
            number,
            created,
            parent: None,
            announced_by: None,
            children: Vec::new(),
            said: Vec::new(),
            first: 0,
            is_remnant: false,
            uses: BTreeMap::new(),
            users: BTreeMap::new(),
            ended: None,
            roster: BTreeSet::new(),
            banned: BTreeSet::new(),
            is_told: false,
        }
    }

    /// Whether somebody else than that provider used it.
    pub(super) fn is_used_beside(&self, provider: Option<Provider>) -> bool {
        self.uses.keys().any(|user| Some(*user) != provider)
    }

    pub(super) fn commits_before(&self, index: usize) -> usize {
        self.said[..index].iter().filter(|said| said.next.is_some()).count()
    }
}

impl Forest {
    pub(super) fn new(root: PartitionKey, by: (Provider, Name), now: UnixMillis) -> Self {
        let key = root.masked();
        let mut node = Node::new(root, 0, now);
        node.uses.insert(by.0, (now, now));
        Self { root: key, nodes: [(key, node)].into(), made: 1, used: now }
    }

    /// The partitions above, nearest first.
    pub(super) fn ancestors(&self, key: Key) -> Vec<Key> {
        let parent = |key: &Key| self.nodes.get(key).and_then(|node| node.parent).map(|(key, _)| key);
        std::iter::successors(parent(&key), parent).collect()
    }

    pub(super) fn is_connected(&self, key: Key) -> bool {
        self.nodes.contains_key(&key) && *self.ancestors(key).last().unwrap_or(&key) == self.root
    }

    fn below(&self, key: Key) -> Vec<Key> {
        self.nodes.keys().copied().filter(|below| *below == key || self.ancestors(*below).contains(&key)).collect()
    }

    /// The children of which one is dominant (F6, F11).
    fn rivals(&self, key: Key) -> Vec<Edge> {
        let all = self.nodes[&key].ended.is_some();
        let is_rival = |edge: &Edge| all || self.nodes[&edge.child].ended.is_none();
        self.nodes[&key].children.iter().copied().filter(is_rival).collect()
    }

    /// F5: who used the forked partition, or one above, before the first commit of the fork.
    fn is_established(&self, provider: Provider, fork: Key) -> bool {
        let Some(first) = self.nodes[&fork].children.first() else { return false };
        let mut above = self.ancestors(fork);
        above.push(fork);
        above.iter().any(|key| self.nodes[key].uses.get(provider).is_some_and(|(used, _)| *used < first.at))
    }

    fn actors(&self, fork: Key, child: Key) -> usize {
        self.nodes[&child].uses.keys().filter(|provider| self.is_established(provider, fork)).count()
    }

    /// F6.
    pub(super) fn dominant(&self, key: Key) -> Option<Key> {
        let rivals: Vec<Key> = self.rivals(key).iter().map(|edge| edge.child).collect();
        let most = rivals.iter().map(|child| self.actors(key, *child)).max()?;
        rivals.into_iter().find(|child| self.actors(key, *child) == most)
    }

    pub(super) fn is_on_dominant_branch(&self, key: Key) -> bool {
        let mut path = self.ancestors(key);
        path.reverse();
        path.push(key);
        path[0] == self.root
            && self.nodes[&key].ended.is_none()
            && path.windows(2).all(|edge| self.dominant(edge[0]) == Some(edge[1]))
    }

    /// F1, F2: whether a commit makes an edge.
    fn makes_edge(&self, from: Key, next: Key) -> bool {
        let Some(found) = self.nodes.get(&next) else { return true };
        if next == self.root || next == from || self.ancestors(from).contains(&next) {
            return false;
        }
        if !self.is_connected(next) {
            return self.is_connected(from) || found.parent.is_none();
        }
        self.is_connected(from)
            && found.ended.is_none()
            && found.announced_by.is_some()
            && !found.is_used_beside(found.announced_by)
            && found.parent.is_some_and(|(parent, _)| parent != from)
            && self.is_on_dominant_branch(from)
            && !self.is_on_dominant_branch(next)
    }

    /// A message was sequenced that was not there before. `presents`: whether its sender has shown the partition's key.
    pub(super) fn sequence(&mut self, key: &PartitionKey, said: Said, next: Option<&PartitionKey>, presents: bool) {
        let (partition, provider, at) = (key.masked(), said.provider, said.at);
        self.open(partition, key, at);
        if let Some(next) = next {
            let index = u32::try_from(self.nodes[&partition].said.len()).unwrap();
            self.announce(partition, index, next, provider, at);
        }
        if presents {
            let by = said.by;
            self.use_it(partition, provider, Some(by), at);
        }
        self.nodes.get_mut(&partition).unwrap().said.push(said);
        self.used = at;
    }

    fn open(&mut self, partition: Key, key: &PartitionKey, at: UnixMillis) -> &mut Node {
        let made = &mut self.made;
        self.nodes.entry(partition).or_insert_with(|| {
            *made += 1;
            Node::new(key.clone(), *made, at)
        })
    }

    /// The partitions in the order in which they were made, which is that of no keys.
    pub(super) fn in_order(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = self.nodes.keys().copied().collect();
        keys.sort_unstable_by_key(|key| self.nodes[key].number);
        keys
    }

    fn announce(&mut self, from: Key, index: u32, next: &PartitionKey, by: Provider, at: UnixMillis) {
        let child = next.masked();
        if child == from || !self.makes_edge(from, child) {
            return;
        }
        for node in self.nodes.values_mut() {
            node.children.retain(|edge| edge.child != child);
        }
        let node = self.open(child, next, at);
        node.parent = Some((from, index));
        node.announced_by = Some(by);
        self.nodes.get_mut(&from).unwrap().children.push(Edge { child, at });
    }

    /// Somebody has shown the key of a partition.
    pub(super) fn use_it(&mut self, key: Key, provider: Provider, user: Option<Name>, at: UnixMillis) {
        let is_connected = self.is_connected(key);
        let Some(node) = self.nodes.get_mut(&key) else { return };
        let first = node.uses.get(provider).map_or(at, |(first, _)| *first);
        node.uses.insert(provider, (first, at));
        if let Some(user) = user {
            node.users.insert(user, at);
        }
        if is_connected {
            self.used = at;
        }
    }

    pub(super) fn end(&mut self, top: Key, at: UnixMillis) {
        for key in self.below(top) {
            self.nodes.get_mut(&key).unwrap().ended.get_or_insert((top, at));
        }
    }

    pub(super) fn restore(&mut self, top: Key) {
        for node in self.nodes.values_mut() {
            node.ended = node.ended.filter(|(with, _)| *with != top);
        }
    }

    /// A partition is gone; what hung below it hangs nowhere.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(gone) = self.nodes.remove(&key) else { return };
        for edge in gone.children {
            if let Some(child) = self.nodes.get_mut(&edge.child) {
                child.parent = None;
            }
        }
        for node in self.nodes.values_mut() {
            node.children.retain(|edge| edge.child != key);
        }
    }
}
