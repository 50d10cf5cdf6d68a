//! What is removed when its time is over (specs/protocol.md §16), decided from what is there and nothing else.
//!
//! Whoever walks over the groups asks [`fate`] of each partition, reads what one step may remove, and has the group's lane
//! decide again. Indexes are never given twice: of a partition that was superseded a *remnant* stays, with its place in
//! the tree and its indexes, as long as the group lives.

use std::sync::Arc;

use super::{
    Contents, Evidence, Group, Head, Lapse, Outcome, Partition, Policy, Refusal, Replay, Review, State, Termination,
    Timer, Transition, Trim, Trimmed, UnixMillis, budget::give_back, candidates::is_candidate,
    dominance::dominant_child, outbox, staying::may_stay, subscribe,
};
use crate::wire::MaskedPartitionKey;

/// What becomes of a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Stays,
    /// It is to be emptied when that later epoch has a checkpoint: its public state is derived from what the partition
    /// holds, and is needed longer.
    Awaits(MaskedPartitionKey),
    /// What it holds goes, as far as it is old enough. Its place in the tree and its indexes stay.
    IsEmptied,
    /// It goes, with everything in it.
    IsRemoved,
}

/// What becomes of a partition of that group.
///
/// # Errors
/// When the state could not be read.
pub fn fate<S: State + ?Sized>(
    state: &S,
    group: &Group,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Fate, S::Error> {
    Ok(judge(state, group, partition, policy, now)?.0)
}

/// The same, and of a partition that is emptied the epochs whose public states are given up with it.
fn judge<S: State + ?Sized>(
    state: &S,
    group: &Group,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<(Fate, Vec<Found>), S::Error> {
    if group.deleted_ms.is_some_and(|deleted_ms| has_had_its_time(deleted_ms, policy, now)) {
        return Ok((Fate::IsRemoved, Vec::new()));
    }
    if !is_due(state, partition, policy, now)? {
        return Ok((Fate::Stays, Vec::new()));
    }
    let Derived { given_up, awaited } = derived(state, partition, policy, now)?;
    Ok(match awaited {
        Some(key) => (Fate::Awaits(key), Vec::new()),
        None => (Fate::IsEmptied, given_up),
    })
}

/// Whether the partition has had its time.
fn is_due<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, S::Error> {
    if !partition.is_connected() {
        // Orphans have timers, and what hangs below them becomes one.
        return Ok(false);
    }
    if partition.is_remnant() {
        return Ok(partition.has_messages() || !partition.charges.is_empty());
    }
    match partition.terminated {
        // Not as long as that can be taken back.
        Some(Termination { at_ms, .. }) => {
            Ok(has_had_its_time(at_ms, policy, now) && now >= at_ms.saturating_add(policy.restore_ms))
        }
        None => is_superseded(state, partition, policy, now),
    }
}

/// Whether what happened then has had its time: a message, a commit, the receipt of somebody who is no member, an end.
pub fn has_had_its_time(at_ms: UnixMillis, policy: &Policy, now: UnixMillis) -> bool {
    // A Welcome into a partition goes out with its tree, however long that takes.
    now >= at_ms.saturating_add(policy.retention_ms.max(policy.welcome_lifetime_ms))
}

/// How many epochs are given up at once, and so how far it is looked: there are checkpoints more often than that.
const DERIVED_MAX: usize = 2 * Replay::COMMITS_MAX as usize;

/// A partition and its key.
type Found = (MaskedPartitionKey, Arc<Partition>);

/// The epochs whose public states are derived from what a partition holds.
#[derive(Default)]
struct Derived {
    /// Those that have had their time as well: their states are given up with it.
    given_up: Vec<Found>,
    /// One that has not.
    awaited: Option<MaskedPartitionKey>,
}

/// Goes down from a partition as far as there are no checkpoints.
fn derived<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Derived, S::Error> {
    let mut derived = Derived::default();
    let mut below = children(state, partition)?;
    while let Some((key, is_dominant)) = below.pop() {
        let Some(child) = state.partition(&key)? else { continue };
        let needs_nothing = match &child.public {
            Some(public) => public.replay.is_checkpoint(),
            // Where it is still to be found out, it may turn out to be there.
            None => !child.unobserved,
        };
        if needs_nothing {
            continue;
        }
        let is_lost = is_dead(&child) && !is_dominant;
        // Never one that needs nothing: no checkpoint helps there, and it would be awaited for ever.
        let is_awaited = derived.given_up.len() >= DERIVED_MAX || !is_lost && !is_due(state, &child, policy, now)?;
        if is_awaited {
            derived.awaited = Some(key);
            return Ok(derived);
        }
        below.extend(children(state, &child)?);
        derived.given_up.push((key, child));
    }
    Ok(derived)
}

/// The children of a partition, and whether each is the dominant one.
fn children<S: State + ?Sized>(state: &S, partition: &Partition) -> Result<Vec<(MaskedPartitionKey, bool)>, S::Error> {
    let dominant = dominant_child(state, partition)?.map(|child| child.key);
    Ok(partition.children.iter().map(|child| (child.key, Some(child.key) == dominant)).collect())
}

/// Whether a commit leads away from the partition and did so long ago. As long as members may be there because they do not
/// follow that commit, or have not come since, it is like a head.
fn is_superseded<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, S::Error> {
    if !partition.children.iter().any(|child| has_had_its_time(child.announced_ms, policy, now)) {
        return Ok(false);
    }
    let window = policy.retention_ms.max(policy.silence_ms);
    let lately = Policy { silence_ms: window, ..policy.clone() };
    let child = dominant_child(state, partition)?.filter(|child| has_had_its_time(child.announced_ms, policy, now));
    let Some(child) = child else { return Ok(false) };
    Ok(!is_candidate(state, partition, &lately)? && !may_stay(state, partition, &child, policy, now)?)
}

/// One step: messages go, and with the last of them the rest.
pub(super) fn trim<S: State + ?Sized>(
    state: &S,
    trim: &Trim,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(group) = state.group().map_err(Refusal::State)? else { return Ok(transition) };
    let Some(found) = state.partition(&trim.partition).map_err(Refusal::State)? else { return Ok(transition) };
    let (fate, given_up) = judge(state, &group, &found, policy, now).map_err(Refusal::State)?;
    let is_old = trim.contents.from == trim.contents.until || has_had_its_time(trim.contents.newest_ms, policy, now);
    if matches!(fate, Fate::Stays | Fate::Awaits(_)) || !is_old {
        return Ok(transition);
    }
    let (key, mut partition) = (trim.partition, Arc::unwrap_or_clone(found));
    if !remove_messages(&mut partition, key, &trim.contents, &mut transition) {
        return Ok(transition);
    }
    for (key, record) in given_up {
        let record = Partition { public: None, unobserved: false, ..Arc::unwrap_or_clone(record) };
        transition.given_up.push(key);
        transition.partitions.push((key, record));
    }
    let Contents { messages, bytes, .. } = trim.contents;
    let is_emptied = !partition.has_messages();
    transition.outcome = Outcome::Trimmed { messages, bytes, is_emptied };
    if !is_emptied {
        transition.partitions.push((key, partition));
        return Ok(transition);
    }
    empty(state, key, &mut partition, &mut transition).map_err(Refusal::State)?;
    match fate {
        Fate::IsRemoved => remove(key, &partition, &mut transition),
        Fate::IsEmptied | Fate::Stays | Fate::Awaits(_) => {
            remove_dead_heads(state, key, &mut partition, &mut transition).map_err(Refusal::State)?;
            partition.emptied_ms = Some(now);
            transition.emptied.push(key);
            transition.partitions.push((key, partition));
        }
    }
    Ok(transition)
}

/// The first messages go. Returns whether they are the first ones: somebody else may have removed them, or more.
pub(super) fn remove_messages(
    partition: &mut Partition,
    key: MaskedPartitionKey,
    contents: &Contents,
    transition: &mut Transition,
) -> bool {
    let Contents { from, until, bytes, blobs, messages: _, newest_ms: _ } = contents;
    if *from != partition.first_index || !(*from..=partition.next_index).contains(until) {
        return false;
    }
    if from < until {
        partition.first_index = *until;
        partition.bytes = partition.bytes.saturating_sub(*bytes);
        transition.trimmed.push(Trimmed { partition: key, from: *from, until: *until, blobs: blobs.clone() });
        subscribe::end_behind(partition, key, transition);
    }
    true
}

/// Whatever belongs to a partition without messages goes, but for its record and who used it.
pub(super) fn empty<S: State + ?Sized>(
    state: &S,
    key: MaskedPartitionKey,
    partition: &mut Partition,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    outbox::drop_held(state, &key, partition, UnixMillis::MAX, transition)?;
    give_back(state, std::mem::take(&mut partition.charges), transition)?;
    partition.debtors.clear();
    subscribe::end_all(partition, key, transition);
    if let Some(due_ms) = partition.lease_timer_ms.take() {
        transition.cleared_timers.push(Timer { due_ms, partition: key });
    }
    (partition.group_info, partition.ratchet_tree, partition.published_bytes) = (None, None, 0);
    (partition.public, partition.unobserved) = (None, false);
    // Whom branches belong to is asked of who used what. What they were given is asked of partitions with messages only.
    partition.uses.iter_mut().for_each(|a_use| a_use.given = None);
    Ok(())
}

/// The record of a partition that is empty goes.
fn remove(key: MaskedPartitionKey, partition: &Partition, transition: &mut Transition) {
    if let Some(epoch) = partition.epoch {
        transition.unannounced.push(key);
        transition.heads.push(Head { partition: key, epoch, is_head: false });
    }
    transition.removed.push(key);
}

/// Whether nobody ever used the end of a branch, and nothing is in it, whatever its indexes: a restore passes over some
/// everywhere. What the operator has ended stays known, and so does what leads there: children of a head were ended, which
/// can be taken back. Whoever joins from outside makes one without having used the partition.
fn is_dead(head: &Partition) -> bool {
    head.is_head() && head.children.is_empty() && head.bytes == 0 && head.uses.is_empty()
}

/// Commits that lost a race have announced partitions that nobody ever used, not even their committers: they go with the
/// partition in which those commits stand. Heads that were used live as long as the group.
fn remove_dead_heads<S: State + ?Sized>(
    state: &S,
    above: MaskedPartitionKey,
    partition: &mut Partition,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let dominant = dominant_child(state, partition)?;
    let others = partition.children.iter().filter(|child| dominant.is_some_and(|dominant| dominant.key != child.key));
    let mut dead = Vec::new();
    for child in others {
        let Some(head) = state.partition(&child.key)? else { continue };
        let is_below = head.parent.is_some_and(|parent| parent.key == above);
        if is_below && is_dead(&head) {
            let mut head = Arc::unwrap_or_clone(head);
            empty(state, child.key, &mut head, transition)?;
            remove(child.key, &head, transition);
            dead.push(child.key);
        }
    }
    partition.children.retain(|child| !dead.contains(&child.key));
    Ok(())
}

/// What holds for the whole group: receipts of those who are no members go, a group that nobody uses is deleted, and of a
/// deleted one of which nothing is left stays that it was there.
pub(super) fn review<S: State + ?Sized>(
    state: &S,
    review: &Review,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(found) = state.group().map_err(Refusal::State)? else { return Ok(transition) };
    transition.forgotten_receipts.clone_from(&review.receipts);
    let mut group = (*found).clone();
    match group.deleted_ms {
        None if review.may_end && now >= group.used_ms.saturating_add(policy.idle_ms) => group.deleted_ms = Some(now),
        Some(deleted_ms) if review.is_empty && !found.is_tombstone() && has_had_its_time(deleted_ms, policy, now) => {
            (group.users, group.welcomed) = (Vec::new(), Vec::new());
            (group.evidence, group.evident_ms) = (Evidence::default(), None);
            (group.terminated, group.spreading) = (0, None);
            transition.shows_no_forks = true;
        }
        None | Some(_) => {}
    }
    if group != *found {
        transition.group = Some(group);
    }
    Ok(transition)
}

/// Presentations that are too old for any hint are forgotten, unless they were made again meanwhile.
pub(super) fn lapse<S: State + ?Sized>(
    state: &S,
    lapse: &Lapse,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    for (partition, user) in &lapse.presentations {
        let at_ms = state.presented(partition, user).map_err(Refusal::State)?;
        if at_ms.is_some_and(|at_ms| is_stale(at_ms, policy, now)) {
            transition.forgotten.push((*partition, *user));
        }
    }
    Ok(transition)
}

/// Whether a presentation of that time opens nothing any more.
pub fn is_stale(presented_ms: UnixMillis, policy: &Policy, now: UnixMillis) -> bool {
    now > presented_ms.saturating_add(policy.hint_window_ms)
}
