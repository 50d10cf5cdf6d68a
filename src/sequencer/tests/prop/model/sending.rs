//! Sends, and what is made of them.

use super::{Content, Key, Message, Model, Provider};
use crate::sequencer::{Policy, UnixMillis, Usage};

/// A send, as far as the model cares.
#[derive(Clone, Copy, Debug)]
pub(in super::super) struct Asked {
    pub(in super::super) provider: Provider,
    pub(in super::super) partition: Key,
    pub(in super::super) content: Content,
    /// Whether the provider shows the key: it does not for a join.
    pub(in super::super) presents: bool,
    pub(in super::super) is_handshake: bool,
    pub(in super::super) is_external: bool,
    pub(in super::super) names_epoch: u64,
    pub(in super::super) expects: Option<Option<usize>>,
    pub(in super::super) has_group_info: bool,
    pub(in super::super) message_bytes: u64,
    pub(in super::super) attached_bytes: u64,
}

/// What the model says of a send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Verdict {
    Sequenced { at: UnixMillis, index: usize, commits_before: usize },
    Repeated { at: UnixMillis, index: usize, commits_before: usize },
    Conflict,
    Stale,
    OverBudget,
    Deleted,
    Terminated,
}

impl Model {
    /// Sends. `elsewhere` is what the provider has used up in other groups.
    pub(in super::super) fn send(
        &mut self,
        asked: &Asked,
        elsewhere: Usage,
        policy: &Policy,
        now: UnixMillis,
    ) -> Verdict {
        let target = self.partitions.get(&asked.partition).cloned().unwrap_or_default();
        let commits_before =
            |index: usize| target.messages[..index].iter().filter(|message| message.next().is_some()).count();
        let known = target.messages.iter().enumerate().skip(target.forgotten);
        let mut same = known.filter(|(_, message)| message.content == asked.content && !message.joins);
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
        self.enter(asked, elsewhere, policy, now)
    }

    /// Has a message enter its partition, if its provider can pay for that.
    pub(super) fn enter(&mut self, asked: &Asked, elsewhere: Usage, policy: &Policy, now: UnixMillis) -> Verdict {
        let messages = self.partitions.get(&asked.partition).map(|target| &target.messages[..]).unwrap_or_default();
        let index = messages.len();
        let commits_before = messages.iter().filter(|message| message.next().is_some()).count();

        // On a copy: what is over budget leaves nothing behind.
        let mut after = self.clone();
        let exempt = self.is_exempt(asked, policy);
        let takes = asked.content.1.is_some_and(|next| self.may_take(asked.partition, next));
        after.sequence(asked, exempt, takes, policy, now);
        if asked.presents && self.is_first_use(asked.partition, asked.provider) {
            after.note_first_use(asked.partition, asked.provider);
        }
        let used = after.used(asked.provider);
        let is_charged = used != self.used(asked.provider);
        if is_charged && !(used.fits(policy.budget_in_group) && used.plus(elsewhere).fits(policy.budget_in_all)) {
            // A refund may lower what is still too much: no more is charged on top of it.
            return Verdict::OverBudget;
        }
        *self = after;
        Verdict::Sequenced { at: now, index, commits_before }
    }

    /// The first two commits of each provider's members are free where no branch has more actors, unless only that
    /// provider has made and used many partitions in a row that lead here.
    pub(super) fn is_exempt(&self, asked: &Asked, policy: &Policy) -> bool {
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
    pub(super) fn may_take(&self, by: Key, next: Key) -> bool {
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

    pub(super) fn sequence(&mut self, asked: &Asked, exempt: bool, takes: bool, policy: &Policy, now: UnixMillis) {
        let opens = !self.partitions.contains_key(&asked.partition);
        let is_late = !opens && self.is_late(asked.partition, policy, now);
        let target = self.partitions.entry(asked.partition).or_default();
        if opens {
            target.created = now;
        }
        let index = target.messages.len();
        let is_second = target.messages.iter().any(|message| message.is_members_commit(asked.provider));
        let message = Message {
            content: asked.content,
            at: now,
            by: asked.provider,
            is_external: asked.is_external,
            joins: !asked.presents,
        };
        target.messages.push(message);
        let is_shared =
            target.uses.keys().any(|user| *user != asked.provider) || target.announced_by != Some(asked.provider);
        let unshared = match (is_shared, is_second) {
            (true, _) => 0,
            (false, true) => policy.free_chain.max(target.unshared + 1),
            (false, false) => target.unshared + 1,
        };
        if asked.presents {
            let used = target.uses.entry(asked.provider).or_insert((now, now));
            used.1 = used.1.max(now);
        }

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
    pub(super) fn is_late(&self, key: Key, policy: &Policy, now: UnixMillis) -> bool {
        let Some(child) = self.dominant(key) else { return false };
        let first = self.partitions[&child].uses.values().map(|(first, _)| *first).min();
        first.is_some_and(|first| now > first.max(self.announced(child)) + policy.late_after_ms)
    }

    /// An edge to what has no parent, is not the root, and is neither the partition itself nor above it. From a
    /// connected partition also to what has a parent, as long as that is not connected, or may be taken: it takes the
    /// other's place. Says whether the child is new.
    pub(super) fn announce(
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
}
