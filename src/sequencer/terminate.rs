//! Ending a branch, and taking that back (specs/protocol.md F11).
//!
//! Every partition of an ended branch says so itself, so that a send looks at one record. A branch may be large: a step
//! marks a bounded number of partitions and says where the next one goes on, in the group's record, which survives a
//! restart. Marks go down from the top, and a marked partition takes no commit, so nothing grows behind them; they are
//! taken back from below. A partition with a mark is connected, and nothing takes it elsewhere: the way up is there unless
//! retention removed it, and then the walk begins again at the top.

use std::collections::BTreeMap;

use super::{
    BranchOutcome, Cut, Group, Head, Outcome, Parent, Partition, Policy, Refusal, Restore, Spread, State, Terminate,
    Termination, Timer, Transition, UnixMillis, outbox,
};
use crate::wire::MaskedPartitionKey;

/// Ends the branch that begins with the partition.
pub(super) fn terminate<S: State + ?Sized>(
    state: &S,
    terminate: &Terminate,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let top = terminate.partition;
    let (group, partition) = match find(state, &top).map_err(Refusal::State)? {
        Ok(found) => found,
        Err(outcome) => return Ok(nothing(outcome)),
    };
    if let Some(termination) = partition.terminated {
        return Ok(nothing(BranchOutcome::AlreadyTerminated { top: termination.top }));
    }
    let (Some(parent), Some(epoch)) = (partition.parent, partition.epoch) else {
        return Ok(nothing(BranchOutcome::NotABranch));
    };
    let mut marking = Marking::new(state, policy, now, group);
    marking.group.terminated = marking.group.terminated.saturating_add(1);
    let mark = Termination { top, at_ms: now };
    marking.mark(&parent, &top, mark, Cut::Here).map_err(Refusal::State)?;
    let spread = Spread { top, at: top, epoch, restores: false };
    marking.spread(spread, 1).map_err(Refusal::State)
}

/// Takes that back.
pub(super) fn restore<S: State + ?Sized>(
    state: &S,
    restore: &Restore,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let top = restore.partition;
    let (group, partition) = match find(state, &top).map_err(Refusal::State)? {
        Ok(found) => found,
        Err(outcome) => return Ok(nothing(outcome)),
    };
    let Some(termination) = partition.terminated else { return Ok(nothing(BranchOutcome::NotTerminated)) };
    if termination.top != top {
        return Ok(nothing(BranchOutcome::TerminatedAbove { top: termination.top }));
    }
    let (Some(parent), Some(epoch)) = (partition.parent, partition.epoch) else {
        return Ok(nothing(BranchOutcome::NotABranch));
    };
    let above = state.partition(&parent.key).map_err(Refusal::State)?;
    if let Some(above) = above.and_then(|above| above.terminated) {
        return Ok(nothing(BranchOutcome::TerminatedAbove { top: above.top }));
    }
    if now >= termination.at_ms.saturating_add(policy.restore_ms) {
        return Ok(nothing(BranchOutcome::TooLate));
    }
    let mut marking = Marking::new(state, policy, now, group);
    marking.group.terminated = marking.group.terminated.saturating_sub(1);
    let spread = Spread { top, at: top, epoch, restores: true };
    marking.spread(spread, 0).map_err(Refusal::State)
}

/// Goes on with what is under way in the group.
pub(super) fn spread<S: State + ?Sized>(
    state: &S,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let Some(group) = state.group().map_err(Refusal::State)? else { return Ok(nothing(BranchOutcome::NotThere)) };
    let Some(spread) = group.spreading else {
        return Ok(nothing(BranchOutcome::Spread { partitions: 0, is_done: true }));
    };
    let marking = Marking::new(state, policy, now, (*group).clone());
    marking.spread(spread, 0).map_err(Refusal::State)
}

/// The partition, unless it is no branch of the group or another branch is being worked on.
fn find<S: State + ?Sized>(
    state: &S,
    top: &MaskedPartitionKey,
) -> Result<Result<(Group, Partition), BranchOutcome>, S::Error> {
    let (Some(group), Some(partition)) = (state.group()?, state.partition(top)?) else {
        return Ok(Err(BranchOutcome::NotThere));
    };
    if group.spreading.is_some() {
        return Ok(Err(BranchOutcome::Busy));
    }
    if *top == group.root || !partition.is_connected() {
        return Ok(Err(BranchOutcome::NotABranch));
    }
    Ok(Ok(((*group).clone(), (*partition).clone())))
}

fn nothing(outcome: BranchOutcome) -> Transition {
    Transition::unchanged(Outcome::Branch(outcome))
}

/// One step: the records that it has changed so far.
struct Marking<'a, S: ?Sized> {
    state: &'a S,
    policy: &'a Policy,
    now: UnixMillis,
    group: Group,
    changed: BTreeMap<MaskedPartitionKey, Partition>,
    transition: Transition,
}

impl<'a, S: State + ?Sized> Marking<'a, S> {
    fn new(state: &'a S, policy: &'a Policy, now: UnixMillis, group: Group) -> Self {
        let transition = Transition::unchanged(Outcome::Done);
        Self { state, policy, now, group, changed: BTreeMap::new(), transition }
    }

    /// The record as this step has left it, from which on it may be changed in place.
    fn load(&mut self, key: &MaskedPartitionKey) -> Result<Option<&mut Partition>, S::Error> {
        if !self.changed.contains_key(key) {
            let Some(partition) = self.state.partition(key)? else { return Ok(None) };
            self.changed.insert(*key, (*partition).clone());
        }
        Ok(self.changed.get_mut(key))
    }

    /// Walks the branch from where the last step has ended, depth first, and writes down where this one has.
    fn spread(mut self, mut spread: Spread, mut partitions: u32) -> Result<Transition, S::Error> {
        let mut next = Some(spread.at);
        for _step in 0..self.policy.spread_partitions {
            let Some(at) = next else { break };
            let (then, is_one_more) =
                if spread.restores { self.clear_from(at, spread.top)? } else { self.mark_from(at, spread.top)? };
            next = then;
            partitions = partitions.saturating_add(is_one_more.into());
        }
        if let Some(at) = next {
            spread.at = at;
            // Whoever asked goes on at once; the timer is for when they cannot.
            self.transition.timers.push(Timer { due_ms: self.now, partition: MaskedPartitionKey::NONE });
        }
        self.group.spreading = next.map(|_| spread);
        let Self { group, changed, mut transition, .. } = self;
        transition.outcome = Outcome::Branch(BranchOutcome::Spread { partitions, is_done: next.is_none() });
        transition.group = Some(group);
        transition.shows_forks = true;
        transition.partitions.extend(changed);
        Ok(transition)
    }

    /// Marks one more partition below `at`. Returns where to go on, and whether there was one.
    fn mark_from(
        &mut self,
        at: MaskedPartitionKey,
        top: MaskedPartitionKey,
    ) -> Result<(Option<MaskedPartitionKey>, bool), S::Error> {
        // What was removed meanwhile was on the way back up: from the top what is left is found.
        let Some(partition) = self.load(&at)? else { return Ok((Some(top).filter(|top| *top != at), false)) };
        let up = partition.parent.map(|parent| parent.key).filter(|_| at != top);
        let Some(mark) = partition.terminated else { return Ok((None, false)) };
        let Some(child) = partition.live_children().next().copied() else { return Ok((up, false)) };
        let parent = Parent { key: at, index: child.index };
        self.mark(&parent, &child.key, mark, Cut::Above)?;
        let goes_down = self.load(&child.key)?.is_some_and(|child| child.live_children().next().is_some());
        Ok((Some(if goes_down { child.key } else { at }), true))
    }

    /// Ends one partition: it is no head any more, and Welcomes that wait for somebody to use it are dropped.
    fn mark(&mut self, parent: &Parent, key: &MaskedPartitionKey, mark: Termination, cut: Cut) -> Result<(), S::Error> {
        self.cut(parent, key, cut)?;
        let Some(partition) = self.load(key)? else { return Ok(()) };
        let was_head = partition.is_head();
        partition.terminated = Some(mark);
        let mut record = partition.clone();
        outbox::drop_held(self.state, key, &mut record, UnixMillis::MAX, &mut self.transition)?;
        self.note_head(*key, &record, was_head);
        self.changed.insert(*key, record);
        Ok(())
    }

    /// Clears one more partition, the lowest first. Returns where to go on, and whether one was cleared.
    fn clear_from(
        &mut self,
        at: MaskedPartitionKey,
        top: MaskedPartitionKey,
    ) -> Result<(Option<MaskedPartitionKey>, bool), S::Error> {
        let Some(partition) = self.load(&at)? else { return Ok((Some(top).filter(|top| *top != at), false)) };
        if let Some(child) = partition.children.iter().find(|child| child.cut == Cut::Above).copied() {
            if self.load(&child.key)?.is_some() {
                return Ok((Some(child.key), false));
            }
            // Gone by now: there is nothing to clear.
            self.cut(&Parent { key: at, index: child.index }, &child.key, Cut::None)?;
            return Ok((Some(at), false));
        }
        let parent = partition.parent;
        partition.terminated = None;
        let record = partition.clone();
        self.note_head(at, &record, false);
        let Some(parent) = parent else { return Ok((None, true)) };
        self.cut(&parent, &at, Cut::None)?;
        Ok((Some(parent.key).filter(|_| at != top), true))
    }

    /// Says at the upper end of an edge what became of the lower one.
    fn cut(&mut self, parent: &Parent, key: &MaskedPartitionKey, cut: Cut) -> Result<(), S::Error> {
        let Some(above) = self.load(&parent.key)? else { return Ok(()) };
        let was_head = above.is_head();
        if let Some(child) = above.children.iter_mut().find(|child| child.key == *key) {
            child.cut = cut;
        }
        let record = above.clone();
        self.note_head(parent.key, &record, was_head);
        Ok(())
    }

    fn note_head(&mut self, partition: MaskedPartitionKey, record: &Partition, was_head: bool) {
        if let Some(epoch) = record.epoch.filter(|_| record.is_head() != was_head) {
            self.transition.heads.push(Head { partition, epoch, is_head: record.is_head() });
        }
    }
}
