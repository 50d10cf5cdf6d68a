//! Which of several branches most of the group is on (specs/protocol.md, "Forks").
//!
//! A node's *dominant child* was used by the most established actors in the last days; a tie goes to the one that was
//! sequenced first. An actor is a provider; it is *established* at a fork when it had used the forked partition or an
//! ancestor before the fork's first commit. The dominant branch follows dominant children from the root.

use std::sync::Arc;

use super::{Child, Partition, Policy, State, UnixMillis};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// How far up a walk goes. A branch off the dominant one that is deeper than this was paid for by the budgets of eight
/// providers, and counts as dominant from then on.
const WALK_MAX: usize = 512;

/// The dominant child of a partition.
pub(super) fn dominant_child<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Option<Child>, S::Error> {
    let (first, others) = match partition.children.as_slice() {
        [] => return Ok(None),
        [only] => return Ok(Some(*only)),
        [first, others @ ..] => (first, others),
    };
    let mut dominant = (*first, actors(state, partition, first, policy, now)?);
    for child in others {
        let actors = actors(state, partition, child, policy, now)?;
        if actors > dominant.1 {
            dominant = (*child, actors);
        }
    }
    Ok(Some(dominant.0))
}

/// How many established actors used the child of late.
fn actors<S: State + ?Sized>(
    state: &S,
    forked: &Partition,
    child: &Child,
    policy: &Policy,
    now: UnixMillis,
) -> Result<usize, S::Error> {
    let Some(child) = state.partition(&child.key)? else { return Ok(0) };
    let since = now.saturating_sub(policy.dominance_window_ms);
    let mut actors = 0;
    for a_use in child.uses.iter().filter(|a_use| a_use.last_ms >= since) {
        if is_established(state, forked, &a_use.provider)? {
            actors += 1;
        }
    }
    Ok(actors)
}

fn is_established<S: State + ?Sized>(
    state: &S,
    forked: &Partition,
    provider: &ServiceProviderId,
) -> Result<bool, S::Error> {
    let Some(forked_ms) = forked.children.first().map(|child| child.announced_ms) else { return Ok(false) };
    let used_before =
        |partition: &Partition| partition.use_by(provider).is_some_and(|a_use| a_use.first_ms < forked_ms);
    if used_before(forked) {
        return Ok(true);
    }
    let mut parent = forked.parent;
    for _step in 0..WALK_MAX {
        let Some(ancestor) = parent.map(|parent| state.partition(&parent.key)).transpose()?.flatten() else {
            return Ok(false);
        };
        if used_before(&ancestor) {
            return Ok(true);
        }
        parent = ancestor.parent;
    }
    Ok(false)
}

/// Whether the partition is on the dominant branch: connected, and no ancestor has a more dominant child elsewhere.
pub(super) fn is_on_dominant_branch<S: State + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, S::Error> {
    if !partition.is_connected() {
        return Ok(false);
    }
    let (mut key, mut parent) = (*key, partition.parent);
    for _step in 0..WALK_MAX {
        let Some(up) = parent else { return Ok(true) };
        let Some(ancestor) = state.partition(&up.key)? else { return Ok(true) };
        if dominant_child(state, &ancestor, policy, now)?.is_some_and(|child| child.key != key) {
            return Ok(false);
        }
        (key, parent) = (up.key, ancestor.parent);
    }
    Ok(true)
}

/// The topmost partition above one that is not connected: the orphan from which it descends.
///
/// `None` when the walk is too long or a partition on the way is gone.
pub(super) fn orphan_above<S: State + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Arc<Partition>,
) -> Result<Option<MaskedPartitionKey>, S::Error> {
    let (mut key, mut partition) = (*key, partition.clone());
    for _step in 0..WALK_MAX {
        let Some(parent) = partition.parent else { return Ok(Some(key)) };
        let Some(above) = state.partition(&parent.key)? else { return Ok(None) };
        (key, partition) = (parent.key, above);
    }
    Ok(None)
}
