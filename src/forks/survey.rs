//! Making a picture out of a group's records.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    ops::Bound,
    sync::Arc,
};

use super::{
    names::{group_name, name_beside},
    picture::{Branch, Ended, Node, Picture, Shape, Shown, User},
};
use crate::{
    sequencer::{Evidence, Forgotten, Group, GroupKey, Partition, Termination, Tree, UnixMillis, dominant_child},
    wire::MaskedPartitionKey,
};

/// How many places of one branch beside the dominant one are drawn one by one: whoever makes branches might make many.
const BRANCH_NODES_MAX: usize = 200;

/// A group's partitions, as they were found.
#[derive(Clone, Debug)]
pub struct Forest {
    /// The group.
    pub key: GroupKey,
    /// Its record.
    pub group: Group,
    /// Its partitions.
    pub partitions: BTreeMap<MaskedPartitionKey, Arc<Partition>>,
    /// Whether there are more.
    pub is_cut: bool,
    /// What the database may have forgotten: not each index is a message then.
    pub forgotten: Forgotten,
}

impl Tree for Forest {
    type Error = Infallible;

    fn partition(&self, key: &MaskedPartitionKey) -> Result<Option<Arc<Partition>>, Infallible> {
        Ok(self.partitions.get(key).cloned())
    }
}

impl Forest {
    /// Where the dominant branch begins: the root, or if that is gone the first partition above the newest epoch that is
    /// there.
    fn trunk(&self) -> MaskedPartitionKey {
        if self.partitions.contains_key(&self.group.root) {
            return self.group.root;
        }
        // A head, unless what follows it was not looked at.
        let live =
            self.partitions.iter().filter(|(_, partition)| partition.is_connected() && !partition.is_terminated());
        let newest = live.max_by_key(|(_, partition)| partition.epoch);
        let Some((mut key, mut partition)) = newest else { return self.group.root };
        for _step in 0..self.partitions.len() {
            let Some((above, record)) = partition.parent.and_then(|parent| self.partitions.get_key_value(&parent.key))
            else {
                break;
            };
            (key, partition) = (above, record);
        }
        *key
    }

    /// The partition's name: so many digits that no other one of these begins with them.
    pub fn name(&self, key: &MaskedPartitionKey) -> String {
        let before = self.partitions.range(..*key).next_back();
        let after = self.partitions.range((Bound::Excluded(*key), Bound::Unbounded)).next();
        name_beside(key, &before.into_iter().chain(after).map(|(key, _)| key).collect::<Vec<_>>())
    }

    fn ended(&self, termination: &Termination) -> Ended {
        Ended { top: self.name(&termination.top), at_ms: termination.at_ms }
    }

    /// The partitions of the dominant branch, the first one first.
    pub fn dominant_branch(&self) -> Vec<MaskedPartitionKey> {
        let (mut branch, mut next) = (Vec::new(), Some(self.trunk()));
        while let Some((key, partition)) = next.and_then(|key| Some((key, self.partitions.get(&key)?))) {
            // Edges make no circles; damaged records might.
            if branch.len() > self.partitions.len() {
                break;
            }
            branch.push(key);
            let Ok(child) = dominant_child(self, partition);
            next = child.map(|child| child.key);
        }
        branch
    }

    /// The partition and everything below it, each after the one above.
    pub fn below(&self, top: MaskedPartitionKey) -> Vec<(MaskedPartitionKey, &Partition)> {
        let (mut found, mut seen, mut open) = (Vec::new(), BTreeSet::new(), vec![top]);
        while let Some(key) = open.pop() {
            let Some(partition) = self.partitions.get(&key).filter(|_| seen.insert(key)) else { continue };
            found.push((key, &**partition));
            open.extend(partition.children.iter().map(|child| child.key));
        }
        found
    }

    /// The partition and those above it, up to where its tree begins.
    pub fn above(&self, partition: MaskedPartitionKey) -> BTreeSet<MaskedPartitionKey> {
        let (mut found, mut next) = (BTreeSet::new(), Some(partition));
        while let Some(key) = next.filter(|key| found.insert(*key)) {
            next = self.partitions.get(&key).and_then(|partition| Some(partition.parent?.key));
        }
        found
    }

    /// Where trees begin: the root, then what nothing leads to, the oldest first.
    fn tops(&self) -> Vec<MaskedPartitionKey> {
        let is_top =
            |partition: &Partition| partition.parent.is_none_or(|parent| !self.partitions.contains_key(&parent.key));
        let mut tops: Vec<_> = self.partitions.iter().filter(|(_, partition)| is_top(partition)).collect();
        let trunk = self.trunk();
        tops.sort_by_key(|(key, partition)| (**key != trunk, partition.created_ms, **key));
        tops.into_iter().map(|(key, _)| *key).collect()
    }
}

/// Draws a group together.
pub fn survey(forest: &Forest, now: UnixMillis) -> Picture {
    let dominant = forest.dominant_branch();
    let nodes = Survey { forest, dominant: dominant.iter().copied().collect(), nodes: Vec::new() }.nodes();
    Picture {
        group: group_name(&forest.key),
        at_ms: now,
        created_ms: forest.group.created_ms,
        deleted_ms: forest.group.deleted_ms,
        partitions: forest.partitions.len() as u64,
        is_cut: forest.is_cut,
        evidence: shown(&forest.group.evidence),
        nodes,
        branches: branches(forest, &dominant),
    }
}

struct Survey<'a> {
    forest: &'a Forest,
    dominant: BTreeSet<MaskedPartitionKey>,
    nodes: Vec<Node>,
}

impl<'a> Survey<'a> {
    /// All nodes, each after the one that it hangs on.
    fn nodes(mut self) -> Vec<Node> {
        let mut open: Vec<(_, Option<usize>)> = self.forest.tops().into_iter().rev().map(|top| (top, None)).collect();
        let mut seen = BTreeSet::new();
        let mut on_branch = 0;
        while let Some((key, above)) = open.pop() {
            let begins = above.is_none_or(|above| self.nodes[above].is_dominant);
            on_branch = if begins { 0 } else { on_branch + 1 };
            if on_branch >= BRANCH_NODES_MAX && !self.dominant.contains(&key) {
                self.put_rest(key, above, &mut seen);
                continue;
            }
            let Some(partition) = self.forest.partitions.get(&key).filter(|_| seen.insert(key)) else { continue };
            let (last, below) = self.put(key, partition, above, &mut seen);
            let at = self.nodes.len() - 1;
            let unused: BTreeSet<_> = if below.len() > 1 { self.unused(last) } else { BTreeSet::new() };
            if unused.len() > 1 {
                self.put_unused(&unused, at);
            }
            let children = below.into_iter().filter(|child| unused.len() < 2 || !unused.contains(child));
            let mut children: Vec<_> = children.map(|child| (child, Some(at))).collect();
            // What is popped first is drawn first: the dominant child, and then in the order of their commits.
            children.sort_by_key(|(child, _)| self.dominant.contains(child));
            open.extend(children);
        }
        self.nodes
    }

    /// Adds the partition, or the run that begins with it. Returns the last partition, and what hangs on it.
    fn put(
        &mut self,
        first: MaskedPartitionKey,
        partition: &'a Partition,
        above: Option<usize>,
        seen: &mut BTreeSet<MaskedPartitionKey>,
    ) -> (&'a Partition, Vec<MaskedPartitionKey>) {
        let mut node = Node { above, ..self.node(&first, partition) };
        let (mut last, mut last_key, mut length) = (partition, first, 1_u64);
        while self.is_inner(last) {
            let Some(next) = last.children.first().map(|child| child.key) else { break };
            let Some(below) = self.forest.partitions.get(&next).filter(|below| self.is_inner(below)) else { break };
            if !seen.insert(next) {
                break;
            }
            merge(&mut node, &self.node(&next, below));
            (last, last_key, length) = (below, next, length + 1);
        }
        if length > 1 {
            let last_epoch = last.epoch.map(|epoch| epoch.0);
            node.shape = Shape::Run { partitions: length, last: self.forest.name(&last_key), last_epoch };
        }
        self.nodes.push(node);
        (last, last.children.iter().rev().map(|child| child.key).collect())
    }

    /// Whether nothing has to be said of it by itself: one edge leads to it, one away, and nothing is to be seen.
    fn is_inner(&self, partition: &Partition) -> bool {
        let above = partition.parent.and_then(|parent| self.forest.partitions.get(&parent.key));
        partition.children.len() == 1
            && above.is_some_and(|above| above.children.len() == 1 && above.terminated == partition.terminated)
            && partition.evidence.iter().next().is_none()
            && partition.held.is_empty()
    }

    /// The children that nobody has used and nothing follows.
    fn unused(&self, partition: &Partition) -> BTreeSet<MaskedPartitionKey> {
        let is_unused = |key: &MaskedPartitionKey| {
            !self.dominant.contains(key)
                && self.forest.partitions.get(key).is_some_and(|child| {
                    let is_empty = child.uses.is_empty()
                        && child.messages(self.forest.forgotten) == 0
                        && child.children.is_empty();
                    is_empty && child.terminated == partition.terminated && child.evidence.iter().next().is_none()
                })
        };
        partition.children.iter().map(|child| child.key).filter(is_unused).collect()
    }

    fn put_unused(&mut self, unused: &BTreeSet<MaskedPartitionKey>, above: usize) {
        let mut committers = BTreeSet::new();
        let mut node = Node::default();
        for (key, partition) in unused.iter().filter_map(|key| Some((key, self.forest.partitions.get(key)?))) {
            committers.extend(partition.announced_by.as_ref().map(|provider| provider.as_str().to_owned()));
            let one = self.node(key, partition);
            if node.key.is_empty() { node = one } else { merge(&mut node, &one) }
        }
        let shape = Shape::Unused { partitions: unused.len() as u64, committers: committers.into_iter().collect() };
        self.nodes.push(Node { above: Some(above), shape, announced_by: None, is_head: false, ..node });
    }

    /// Adds what begins with that partition, together with what was left out beside it before.
    fn put_rest(&mut self, top: MaskedPartitionKey, above: Option<usize>, seen: &mut BTreeSet<MaskedPartitionKey>) {
        let below = self.forest.below(top).into_iter().filter(|(key, _)| seen.insert(*key)).collect::<Vec<_>>();
        let mut beside = self.nodes.pop_if(|last| last.above == above && matches!(last.shape, Shape::Rest { .. }));
        for (key, partition) in &below {
            let one = self.node(key, partition);
            match &mut beside {
                Some(node) => merge(node, &one),
                None => beside = Some(Node { above, shape: Shape::Rest { partitions: 0 }, is_head: false, ..one }),
            }
        }
        if let Some(Node { shape: Shape::Rest { partitions }, .. }) = &mut beside {
            *partitions += below.len() as u64;
        }
        self.nodes.extend(beside);
    }

    fn node(&self, key: &MaskedPartitionKey, partition: &Partition) -> Node {
        Node {
            above: None,
            shape: Shape::Partition,
            key: self.forest.name(key),
            epoch: partition.epoch.map(|epoch| epoch.0),
            messages: partition.messages(self.forest.forgotten),
            created_ms: partition.created_ms,
            announced_by: partition.announced_by.as_ref().map(|provider| provider.as_str().to_owned()),
            users: users([partition]),
            is_dominant: self.dominant.contains(key),
            is_head: partition.is_head(),
            held: partition.held.len() as u64,
            evidence: shown(&partition.evidence),
            terminated: partition.terminated.as_ref().map(|termination| self.forest.ended(termination)),
        }
    }
}

fn merge(node: &mut Node, other: &Node) {
    node.messages += other.messages;
    node.held += other.held;
    for shown in &other.evidence {
        match node.evidence.iter_mut().find(|known| known.sign == shown.sign) {
            Some(known) => known.since_ms = known.since_ms.min(shown.since_ms),
            None => node.evidence.push(*shown),
        }
    }
    let mut users: BTreeMap<_, _> = node.users.drain(..).map(|user| (user.provider, user.last_ms)).collect();
    for user in &other.users {
        let last_ms = users.entry(user.provider.clone()).or_default();
        *last_ms = user.last_ms.max(*last_ms);
    }
    node.users = latest_first(users);
}

/// The dominant branch, each branch that leaves it, and each orphan with what hangs below it.
fn branches(forest: &Forest, dominant: &[MaskedPartitionKey]) -> Vec<Branch> {
    let on_branch: BTreeSet<_> = dominant.iter().copied().collect();
    let records = |keys: &[MaskedPartitionKey]| -> Vec<(MaskedPartitionKey, &Partition)> {
        keys.iter().filter_map(|key| Some((*key, &**forest.partitions.get(key)?))).collect()
    };
    let trunk = records(dominant);
    let leaving = trunk.iter().flat_map(|(_, partition)| partition.children.iter().map(|child| child.key));
    let leaving = leaving.filter(|key| !on_branch.contains(key));
    let orphans = forest.tops().into_iter().filter(|top| !on_branch.contains(top));
    let mut beside: Vec<_> = leaving.chain(orphans).map(|top| branch(forest, &forest.below(top), false)).collect();
    beside.retain(|branch| !branch.users.is_empty() || branch.terminated.is_some());
    beside.sort_by_key(|branch| std::cmp::Reverse(branch.users.first().map(|user| user.last_ms)));
    let dominant = (!trunk.is_empty()).then(|| branch(forest, &trunk, true));
    dominant.into_iter().chain(beside).collect()
}

fn branch(forest: &Forest, partitions: &[(MaskedPartitionKey, &Partition)], is_dominant: bool) -> Branch {
    let top = partitions.first();
    let last_use = |partition: &Partition| partition.uses.iter().map(|a_use| a_use.last_ms).max();
    let newest = if is_dominant {
        partitions.last()
    } else {
        partitions.iter().max_by_key(|(_, partition)| (last_use(partition), partition.epoch))
    };
    let name =
        |found: Option<&(MaskedPartitionKey, &Partition)>| found.map_or(String::new(), |(key, _)| forest.name(key));
    let epoch = |found: Option<&(MaskedPartitionKey, &Partition)>| {
        found.and_then(|(_, partition)| partition.epoch).map(|epoch| epoch.0)
    };
    Branch {
        top: name(top),
        epoch: epoch(top),
        newest: name(newest),
        newest_epoch: epoch(newest),
        is_dominant,
        partitions: partitions.len() as u64,
        messages: partitions.iter().map(|(_, partition)| partition.messages(forest.forgotten)).sum(),
        users: users(partitions.iter().map(|(_, partition)| *partition)),
        terminated: top
            .and_then(|(_, partition)| partition.terminated.as_ref())
            .map(|termination| forest.ended(termination)),
    }
}

/// Who used those partitions, and when last.
pub(super) fn users<'a>(partitions: impl IntoIterator<Item = &'a Partition>) -> Vec<User> {
    let mut users: BTreeMap<String, UnixMillis> = BTreeMap::new();
    for a_use in partitions.into_iter().flat_map(|partition| &partition.uses) {
        let last_ms = users.entry(a_use.provider.as_str().to_owned()).or_default();
        *last_ms = a_use.last_ms.max(*last_ms);
    }
    latest_first(users)
}

fn latest_first(users: BTreeMap<String, UnixMillis>) -> Vec<User> {
    let mut users: Vec<_> = users.into_iter().map(|(provider, last_ms)| User { provider, last_ms }).collect();
    users.sort_by_key(|user| std::cmp::Reverse(user.last_ms));
    users
}

/// What was shown.
pub fn shown(evidence: &Evidence) -> Vec<Shown> {
    evidence.iter().map(|seen| Shown { sign: seen.sign, since_ms: seen.since_ms }).collect()
}
