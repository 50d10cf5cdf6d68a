//! What the sequencer does, said a second time, slowly and without looking at it.
//!
//! The model keeps the messages of each partition, who presented which key when, and who was charged what for which
//! partition. Everything else (children, epochs, dominance, budgets) it works out from these each time it is asked.

mod aging;
mod ending;

use std::collections::{BTreeMap, BTreeSet};

use crate::sequencer::{Policy, UnixMillis, Usage};

/// Partitions and providers go by small numbers.
pub(super) type Key = u8;
pub(super) type Provider = u8;

/// The hub is one of the providers.
pub(super) const HUB: Provider = 0;

/// What makes two sends the same: the message, the partition that it announces, and its Welcome.
pub(super) type Content = (u64, Option<Key>, bool);

/// A send, as far as the model cares.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) provider: Provider,
    pub(super) partition: Key,
    pub(super) content: Content,
    pub(super) is_handshake: bool,
    pub(super) is_external: bool,
    pub(super) names_epoch: u64,
    pub(super) expects: Option<Option<usize>>,
    pub(super) has_group_info: bool,
    pub(super) message_bytes: u64,
    pub(super) attached_bytes: u64,
}

/// What the model says of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Sequenced { at: UnixMillis, index: usize, commits_before: usize },
    Repeated { at: UnixMillis, index: usize, commits_before: usize },
    Conflict,
    OverBudget,
    Deleted,
    Terminated,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) content: Content,
    pub(super) at: UnixMillis,
    pub(super) by: Provider,
    pub(super) is_external: bool,
}

impl Message {
    fn next(&self) -> Option<Key> {
        self.content.1
    }

    fn is_members_commit(&self, by: Provider) -> bool {
        self.next().is_some() && !self.is_external && self.by == by
    }
}

#[derive(Clone, Debug, Default)]
pub(super) struct Partition {
    pub(super) created: UnixMillis,
    pub(super) messages: Vec<Message>,
    /// The partition whose commit announced it, and which of its messages that is.
    pub(super) parent: Option<(Key, usize)>,
    pub(super) has_group_info: bool,
    /// The first and the last time, for each provider.
    pub(super) uses: BTreeMap<Provider, (UnixMillis, UnixMillis)>,
    pub(super) charges: BTreeMap<Provider, Usage>,
    /// Who was charged here or above, and may get it back.
    pub(super) debtors: BTreeSet<Provider>,
    /// How many messages, from the first one on, are not there any more.
    pub(super) trimmed: usize,
    /// How many of them are not recognised any more when they are sent again.
    pub(super) forgotten: usize,
    pub(super) is_remnant: bool,
    pub(super) announced_by: Option<Provider>,
    /// When it announced the first partition that was not taken elsewhere, or is gone by now.
    pub(super) forked: Option<UnixMillis>,
    pub(super) unshared: u32,
    /// With which partition the operator has ended it, and when.
    pub(super) ended: Option<(Key, UnixMillis)>,
    pub(super) signs: BTreeSet<&'static str>,
}

/// A group.
#[derive(Clone, Debug, Default)]
pub(super) struct Model {
    pub(super) root: Key,
    pub(super) root_epoch: u64,
    pub(super) partitions: BTreeMap<Key, Partition>,
    pub(super) users: BTreeSet<Provider>,
    /// When it was last used, to the day.
    pub(super) used: UnixMillis,
    pub(super) deleted: Option<UnixMillis>,
}

const DAY: UnixMillis = 86_400_000;

impl Model {
    pub(super) fn new(root: Key, root_epoch: u64, by: Provider, now: UnixMillis) -> Self {
        let mut model = Self { root, root_epoch, used: now, ..Self::default() };
        let uses = BTreeMap::from([(by, (now, now))]);
        model.partitions.insert(root, Partition { created: now, uses, ..Partition::default() });
        model.users.insert(by);
        model
    }

    /// The partitions above, nearest first.
    fn ancestors(&self, key: Key) -> Vec<Key> {
        let parent = |key: &Key| self.partitions.get(key).and_then(|partition| partition.parent).map(|(key, _)| key);
        std::iter::successors(parent(&key), parent).collect()
    }

    /// Edges that connect the partition to the root, or none.
    fn depth(&self, key: Key) -> Option<u64> {
        let ancestors = self.ancestors(key);
        (*ancestors.last().unwrap_or(&key) == self.root).then_some(ancestors.len() as u64)
    }

    pub(super) fn epoch(&self, key: Key) -> Option<u64> {
        self.depth(key).map(|depth| self.root_epoch + depth)
    }

    pub(super) fn children(&self, key: Key) -> Vec<Key> {
        let index = |child: Key| self.partitions[&child].parent.map(|(_, index)| index);
        let is_child = |child: &Key| self.partitions[child].parent.is_some_and(|(parent, _)| parent == key);
        let mut children: Vec<Key> = self.partitions.keys().copied().filter(is_child).collect();
        children.sort_by_key(|child| index(*child));
        children
    }

    fn descendants(&self, key: Key) -> Vec<Key> {
        self.partitions.keys().copied().filter(|below| self.ancestors(*below).contains(&key)).collect()
    }

    fn announced(&self, child: Key) -> UnixMillis {
        self.partitions[&child].parent.map_or(0, |(parent, index)| self.partitions[&parent].messages[index].at)
    }

    /// The children that the operator has not ended; all of them where the partition itself is ended.
    fn rivals(&self, key: Key) -> Vec<Key> {
        let all = self.partitions[&key].ended.is_some();
        self.children(key).into_iter().filter(|child| all || self.partitions[child].ended.is_none()).collect()
    }

    /// How many established providers have used each child.
    fn actors(&self, key: Key) -> Vec<(Key, usize)> {
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
    pub(super) fn dominant(&self, key: Key) -> Option<Key> {
        let actors = self.actors(key);
        let most = actors.iter().map(|(_, actors)| *actors).max()?;
        actors.into_iter().find(|(_, actors)| *actors == most).map(|(child, _)| child)
    }

    fn is_path(&self, key: Key, holds: impl Fn(Key, Key) -> bool) -> bool {
        let mut path = self.ancestors(key);
        path.reverse();
        path.push(key);
        path[0] == self.root
            && self.partitions[&key].ended.is_none()
            && path.windows(2).all(|edge| holds(edge[0], edge[1]))
    }

    fn is_on_dominant_branch(&self, key: Key) -> bool {
        self.is_path(key, |above, child| self.dominant(above) == Some(child))
    }

    /// Whether it is in the tree and off the dominant branch.
    pub(super) fn is_aside(&self, key: Key) -> bool {
        self.depth(key).is_some() && !self.is_on_dominant_branch(key)
    }

    fn is_outnumbered_nowhere(&self, key: Key) -> bool {
        self.is_path(key, |above, child| {
            let actors = self.actors(above);
            let most = actors.iter().map(|(_, actors)| *actors).max();
            actors.iter().any(|(rival, actors)| *rival == child && Some(*actors) == most)
        })
    }

    pub(super) fn used(&self, provider: Provider) -> Usage {
        let charges = self.partitions.values().filter_map(|partition| partition.charges.get(&provider));
        charges.fold(Usage::default(), |sum, usage| sum.plus(*usage))
    }

    /// Whether somebody else than that provider used the partition.
    fn is_used_beside(&self, key: Key, provider: Option<Provider>) -> bool {
        self.partitions[&key].uses.keys().any(|user| Some(*user) != provider)
    }

    /// Sends. `elsewhere` is what the provider has used up in other groups.
    pub(super) fn send(&mut self, asked: &Asked, elsewhere: Usage, policy: &Policy, now: UnixMillis) -> Verdict {
        let target = self.partitions.get(&asked.partition).cloned().unwrap_or_default();
        let commits_before =
            |index: usize| target.messages[..index].iter().filter(|message| message.next().is_some()).count();
        let known = target.messages.iter().enumerate().skip(target.forgotten);
        let mut same = known.filter(|(_, message)| message.content == asked.content);
        if let Some((index, _)) = same.next() {
            let at = target.messages[index].at;
            return Verdict::Repeated { at, index, commits_before: commits_before(index) };
        }
        if self.deleted.is_some() {
            return Verdict::Deleted;
        }
        if target.ended.is_some() {
            return Verdict::Terminated;
        }
        let last_commit = target.messages.iter().rposition(|message| message.next().is_some());
        let is_unexpected = |expected: Option<usize>| last_commit.is_some() && last_commit > expected;
        if asked.expects.is_some_and(is_unexpected) {
            return Verdict::Conflict;
        }

        // On a copy: a send over budget leaves nothing behind.
        let mut after = self.clone();
        let exempt = self.is_exempt(asked, policy);
        let takes = asked.content.1.is_some_and(|next| self.may_take(asked.partition, next));
        after.sequence(asked, exempt, takes, policy, now);
        if self.is_first_use(asked.partition, asked.provider) {
            after.note_first_use(asked.partition, asked.provider);
        }
        let used = after.used(asked.provider);
        let is_charged = used != self.used(asked.provider);
        if is_charged && !(used.fits(policy.budget_in_group) && used.plus(elsewhere).fits(policy.budget_in_all)) {
            // A refund may lower what is still too much: no more is charged on top of it.
            return Verdict::OverBudget;
        }
        *self = after;
        let index = target.messages.len();
        Verdict::Sequenced { at: now, index, commits_before: commits_before(index) }
    }

    /// The first two commits of each provider's members are free where no branch has more actors, unless only that
    /// provider has made and used many partitions in a row that lead here.
    fn is_exempt(&self, asked: &Asked, policy: &Policy) -> bool {
        let Some(target) = self.partitions.get(&asked.partition) else { return false };
        let is_members_own = |message: &&Message| message.is_members_commit(asked.provider);
        asked.content.1.is_some()
            && !asked.is_external
            && target.messages.iter().filter(is_members_own).count() < policy.free_commits as usize
            && (target.unshared < policy.free_chain
                || target.announced_by != Some(asked.provider)
                || self.is_used_beside(asked.partition, Some(asked.provider))
                || self.users.len() == 1)
            && self.is_outnumbered_nowhere(asked.partition)
    }

    /// What a commit on the dominant branch may take: what is off it, and nobody uses but who announced it there.
    fn may_take(&self, by: Key, next: Key) -> bool {
        let Some(found) = self.partitions.get(&next) else { return false };
        self.depth(next).is_some()
            && self.partitions.contains_key(&by)
            && found.ended.is_none()
            && found.announced_by.is_some()
            && self.descendants(next).into_iter().chain([next]).all(|key| !self.is_used_beside(key, found.announced_by))
            && self.is_on_dominant_branch(by)
            && !self.is_on_dominant_branch(next)
            && by != next
            && found.parent.is_some_and(|(parent, _)| parent != by)
            && !self.ancestors(by).contains(&next)
    }

    fn is_first_use(&self, key: Key, by: Provider) -> bool {
        self.partitions.get(&key).is_some_and(|partition| !partition.uses.contains_key(&by))
    }

    /// What a provider's first use of the partition shows: two live children with different users, and two users of what is not
    /// connected.
    fn note_first_use(&mut self, key: Key, by: Provider) {
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

    fn has_rival(&self, parent: Key, key: Key, users: &[Provider]) -> bool {
        let others = self.children(parent).into_iter().filter(|child| *child != key);
        let live = others.filter(|child| self.partitions[child].ended.is_none());
        live.flat_map(|child| self.partitions[&child].uses.keys()).any(|theirs| users.iter().any(|ours| ours != theirs))
    }

    fn sequence(&mut self, asked: &Asked, exempt: bool, takes: bool, policy: &Policy, now: UnixMillis) {
        let opens = !self.partitions.contains_key(&asked.partition);
        let is_late = !opens && self.is_late(asked.partition, policy, now);
        let target = self.partitions.entry(asked.partition).or_default();
        if opens {
            target.created = now;
        }
        let index = target.messages.len();
        let is_second = target.messages.iter().any(|message| message.is_members_commit(asked.provider));
        let message = Message { content: asked.content, at: now, by: asked.provider, is_external: asked.is_external };
        target.messages.push(message);
        let is_shared =
            target.uses.keys().any(|user| *user != asked.provider) || target.announced_by != Some(asked.provider);
        let unshared = match (is_shared, is_second) {
            (true, _) => 0,
            (false, true) => policy.free_chain.max(target.unshared + 1),
            (false, false) => target.unshared + 1,
        };
        let used = target.uses.entry(asked.provider).or_insert((now, now));
        used.1 = used.1.max(now);

        let connected = self.epoch(asked.partition);
        if connected.is_some() {
            self.note_use(now);
        }
        if connected.is_some_and(|epoch| epoch != asked.names_epoch) {
            self.sign(asked.partition, "other epoch");
        }
        if connected.is_some() && is_late && asked.is_handshake {
            self.sign(asked.partition, "late handshake");
        }
        let edge = asked.content.1.and_then(|next| self.announce(asked, next, index, exempt, takes, now));
        let message_bytes = if connected.is_some() && !asked.is_external && !is_late { 0 } else { asked.message_bytes };
        let usage = Usage { partitions: u64::from(opens), bytes: message_bytes + asked.attached_bytes };
        self.charge(asked.partition, asked.provider, usage, exempt);
        if let (Some(is_new), Some(next)) = (edge, asked.content.1) {
            let child = self.partitions.get_mut(&next).unwrap();
            child.unshared = unshared;
            child.announced_by = Some(asked.provider);
            self.charge(next, asked.provider, Usage { partitions: u64::from(is_new), bytes: 0 }, exempt);
        }
        if exempt {
            self.vouch(asked);
        }
        let debtors = self.partitions[&asked.partition].debtors.clone();
        if let Some(child) = asked.content.1.and_then(|next| self.partitions.get_mut(&next))
            && child.parent == Some((asked.partition, index))
        {
            child.debtors.extend(debtors);
        }
        let connected: Vec<Key> = self.partitions.keys().copied().filter(|key| self.depth(*key).is_some()).collect();
        for key in connected {
            self.partitions.get_mut(&key).unwrap().signs.remove("shared orphan");
            self.users.extend(self.partitions[&key].uses.keys());
        }
    }

    /// Whether the dominant child has been in use, as a child, for longer than stragglers need.
    fn is_late(&self, key: Key, policy: &Policy, now: UnixMillis) -> bool {
        let Some(child) = self.dominant(key) else { return false };
        let first = self.partitions[&child].uses.values().map(|(first, _)| *first).min();
        first.is_some_and(|first| now > first.max(self.announced(child)) + policy.late_after_ms)
    }

    /// An edge to what has no parent, is not the root, and is neither the partition itself nor above it. From a
    /// connected partition also to what has a parent, as long as that is not connected, or may be taken: it takes the
    /// other's place. Says whether the child is new.
    fn announce(
        &mut self,
        asked: &Asked,
        next: Key,
        index: usize,
        exempt: bool,
        takes: bool,
        now: UnixMillis,
    ) -> Option<bool> {
        let from = asked.partition;
        let parent = self.partitions.get(&next).and_then(|partition| partition.parent);
        let displaces = takes || (self.depth(from).is_some() && self.depth(next).is_none());
        let has_parent = parent.is_some() && !displaces;
        if next == from || next == self.root || has_parent || self.ancestors(from).contains(&next) {
            self.sign(from, "no edge");
            return None;
        }
        if let Some((displaced, _)) = parent {
            self.sign(displaced, "no edge");
        }
        let is_new = !self.partitions.contains_key(&next);
        let is_first = self.rivals(from).is_empty();
        let child = self.partitions.entry(next).or_default();
        child.parent = Some((from, index));
        child.has_group_info = asked.has_group_info;
        let users: Vec<_> = child.uses.keys().copied().collect();
        self.partitions.get_mut(&from).unwrap().forked.get_or_insert(now);
        if let Some((displaced, _)) = parent
            && self.children(displaced).is_empty()
        {
            self.partitions.get_mut(&displaced).unwrap().forked = None;
        }
        let child = self.partitions.get_mut(&next).unwrap();
        if is_new {
            child.created = now;
        } else if exempt && is_first {
            // Part of the dominant branch from now on: nothing of it counts any more.
            for key in self.descendants(next).into_iter().chain([next]) {
                let partition = self.partitions.get_mut(&key).unwrap();
                partition.charges.clear();
                partition.debtors.clear();
            }
        }
        if self.depth(from).is_some() && self.has_rival(from, next, &users) {
            self.sign(from, "rival children");
        }
        Some(is_new)
    }

    /// What others had to pay for what led here is given back; to its own provider only by the hub.
    fn vouch(&mut self, asked: &Asked) {
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

    fn charge(&mut self, key: Key, provider: Provider, usage: Usage, exempt: bool) {
        if exempt || usage.is_nothing() {
            return;
        }
        let partition = self.partitions.get_mut(&key).unwrap();
        partition.debtors.insert(provider);
        let charge = partition.charges.entry(provider).or_default();
        *charge = charge.plus(usage);
    }

    fn sign(&mut self, key: Key, sign: &'static str) {
        self.partitions.get_mut(&key).unwrap().signs.insert(sign);
    }

    /// A receive: recorded when it is the first, or the last one is an hour old.
    pub(super) fn present(&mut self, key: Key, provider: Provider, policy: &Policy, now: UnixMillis) -> bool {
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

    fn note_use(&mut self, now: UnixMillis) {
        if now >= self.used + DAY {
            self.used = now;
        }
    }

    /// Along dominant children, as long as the provider presented each within the window and it fits.
    pub(super) fn hints(
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

    /// Whether `below` descends from `above`.
    pub(super) fn descends(&self, below: Key, above: Key) -> bool {
        self.ancestors(below).contains(&above)
    }
}
