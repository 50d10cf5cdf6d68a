//! Who shows a key, is taken for a member (specs/protocol.md G8, J6).
//!
//! Whoever was a member has the key of an epoch that is over, and can send a commit there that announces a partition with a
//! key of their own. So a key counts only where the group is: on the way to its partition no edge may be one that whoever
//! announced it follows alone beside others, and none that members go on in spite of.

use super::{
    Child, Partition, Policy, State,
    dominance::{WALK_MAX, dominant_child, holds_up_to_the_root, is_up_to_the_root, standings},
    doubt::Doubt,
};
use crate::wire::MaskedPartitionKey;

/// How far up membership is looked for, where nobody waits behind it. Off the dominant branch, whose uses it shares, one
/// provider may make a branch for nothing that is longer than other walks go.
pub const FAR: usize = 65_536;

/// So far it is looked for on a lane, after it was looked for farther.
pub(super) const NEAR: usize = WALK_MAX;

/// A partition whose key somebody shows.
pub(super) type Shown<'a> = (&'a MaskedPartitionKey, &'a Partition);

/// Whether whoever shows the partition's key is taken for a member: the partition is on the branch that leads, and nothing
/// follows it there, or doubt about what follows prevails. One who was removed and reads on raises doubt too, and is not a
/// majority. What is farther down than [`FAR`] leads nowhere.
///
/// # Errors
/// When the state could not be read.
pub fn shows_membership<S: State + ?Sized>(
    state: &S,
    (key, partition): Shown<'_>,
    policy: &Policy,
) -> Result<bool, S::Error> {
    let is_newest = match dominant_child(state, partition)? {
        None => true,
        Some(child) => Doubt::about(state, partition, &child, policy)?.prevails(),
    };
    if !is_newest || !is_undoubted(state, (key, partition), policy)? {
        return Ok(false);
    }
    let leads = |above: &Partition, key: &MaskedPartitionKey| leads(state, above, key);
    Ok(is_up_to_the_root(state, key, partition, FAR, leads)? == Some(true))
}

/// Whether whoever shows the partition's key may do what is never undone: nothing follows the partition, no doubt prevails
/// on the way, and no edge there came when the group had gone on elsewhere. `None` where the way is longer than `steps`.
///
/// # Errors
/// When the state could not be read.
pub fn is_sole_head<S: State + ?Sized>(
    state: &S,
    (key, partition): Shown<'_>,
    steps: usize,
    policy: &Policy,
) -> Result<Option<bool>, S::Error> {
    if !partition.is_head() || !is_undoubted(state, (key, partition), policy)? {
        return Ok(Some(false));
    }
    let leads = |above: &Partition, key: &MaskedPartitionKey| {
        Ok(leads(state, above, key)? && !came_late(state, above, key, policy)?)
    };
    is_up_to_the_root(state, key, partition, steps, leads)
}

/// Whether that child is the dominant one, and would be if each were followed by those only who did not announce it. To
/// announce a partition and to use it takes nobody but its maker.
fn leads<S: State + ?Sized>(state: &S, above: &Partition, key: &MaskedPartitionKey) -> Result<bool, S::Error> {
    if dominant_child(state, above)?.is_none_or(|child| child.key != *key) {
        return Ok(false);
    }
    if above.live_children().nth(1).is_none() {
        return Ok(true);
    }
    let mut followed: Option<(usize, MaskedPartitionKey)> = None;
    for standing in standings(state, above)? {
        let announced_by = state.partition(&standing.child.key)?.and_then(|child| child.announced_by.clone());
        let others = standing.actors.iter().filter(|actor| Some(*actor) != announced_by.as_ref()).count();
        if followed.is_none_or(|(most, _)| others > most) {
            followed = Some((others, standing.child.key));
        }
    }
    Ok(followed.is_some_and(|(_, most_followed)| most_followed == *key))
}

/// Whether that child was announced when another one had been in use for longer than honest stragglers need.
fn came_late<S: State + ?Sized>(
    state: &S,
    above: &Partition,
    key: &MaskedPartitionKey,
    policy: &Policy,
) -> Result<bool, S::Error> {
    let live: Vec<&Child> = above.live_children().collect();
    let Some(at) = live.iter().position(|child| child.key == *key) else { return Ok(true) };
    for earlier in &live[..at] {
        let first_used = state.partition(&earlier.key)?.and_then(|child| child.first_used_ms());
        let since = first_used.map(|first_used| first_used.max(earlier.announced_ms));
        if since.is_some_and(|since| live[at].announced_ms > since.saturating_add(policy.late_after_ms)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether doubt prevails about no commit on the way to the partition, as far as walks go.
fn is_undoubted<S: State + ?Sized>(state: &S, (key, partition): Shown<'_>, policy: &Policy) -> Result<bool, S::Error> {
    let is_believed = |above: &Partition, key: &MaskedPartitionKey| {
        let Some(child) = above.children.iter().find(|child| child.key == *key) else { return Ok(false) };
        Ok(!Doubt::about(state, above, child, policy)?.prevails())
    };
    holds_up_to_the_root(state, key, partition, is_believed)
}
