//! Which of several branches most of the group is on (specs/protocol.md, "Forks").
//!
//! A node's *dominant child* was used by the most established actors in the last days; a tie goes to the one that was
//! sequenced first. An actor is a provider; it is *established* at a fork when it had used the forked partition or an
//! ancestor before the fork's first commit. The dominant branch follows dominant children from the root.

use std::{collections::BTreeSet, sync::Arc};

use super::{Child, Partition, Policy, State, UnixMillis};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// How far up a walk goes. A branch off the dominant one that is deeper than this was paid for by the budgets of eight
/// providers, and counts as dominant from then on.
pub(super) const WALK_MAX: usize = 512;

/// The dominant child of a partition.
pub(super) fn dominant_child<S: State + ?Sized>(
    state: &S,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Option<Child>, S::Error> {
    let rivals = rivals(partition);
    if let [] | [_] = rivals.as_slice() {
        return Ok(rivals.first().map(|child| **child));
    }
    let since = now.saturating_sub(policy.dominance_window_ms);
    let mut used = Vec::with_capacity(rivals.len());
    for child in &rivals {
        let uses = state.partition(&child.key)?.map_or(Vec::new(), |child| child.uses.clone());
        used.push(uses.into_iter().filter(|a_use| a_use.last_ms >= since).map(|a_use| a_use.provider).collect());
    }
    let established = established(state, partition, &used)?;
    let mut dominant = None;
    for (child, providers) in rivals.into_iter().zip(&used) {
        let actors = providers.intersection(&established).count();
        if dominant.is_none_or(|(_, most)| actors > most) {
            dominant = Some((*child, actors));
        }
    }
    Ok(dominant.map(|(child, _)| child))
}

/// The children among which one is dominant: those that the operator has not ended. Within a branch that is ended, where
/// reading goes on, all of them.
fn rivals(partition: &Partition) -> Vec<&Child> {
    if partition.is_terminated() { partition.children.iter().collect() } else { partition.live_children().collect() }
}

/// Those of the providers that had used the forked partition or an ancestor before its first commit.
///
/// One walk for all of them: a fork may have many children, used by many who were never here before.
pub(super) fn established<S: State + ?Sized>(
    state: &S,
    forked: &Partition,
    used: &[BTreeSet<ServiceProviderId>],
) -> Result<BTreeSet<ServiceProviderId>, S::Error> {
    let mut established = BTreeSet::new();
    let Some(forked_ms) = forked.children.first().map(|child| child.announced_ms) else { return Ok(established) };
    let mut unknown: BTreeSet<&ServiceProviderId> = used.iter().flatten().collect();
    let mut settle = |partition: &Partition| {
        for a_use in partition.uses.iter().filter(|a_use| a_use.first_ms < forked_ms) {
            if unknown.remove(&a_use.provider) {
                established.insert(a_use.provider.clone());
            }
        }
        unknown.is_empty()
    };
    let (mut is_settled, mut parent) = (settle(forked), forked.parent);
    for _step in 0..WALK_MAX {
        if is_settled {
            break;
        }
        let Some(ancestor) = parent.map(|parent| state.partition(&parent.key)).transpose()?.flatten() else { break };
        (is_settled, parent) = (settle(&ancestor), ancestor.parent);
    }
    Ok(established)
}

/// Whether the partition is on the dominant branch: connected, and no ancestor has a more dominant child elsewhere.
pub(super) fn is_on_dominant_branch<S: State + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
    policy: &Policy,
    now: UnixMillis,
) -> Result<bool, S::Error> {
    if !partition.is_connected() || partition.is_terminated() {
        return Ok(false);
    }
    let (mut key, mut parent) = (*key, partition.parent);
    for _step in 0..WALK_MAX {
        let Some(up) = parent else { return Ok(true) };
        let Some(ancestor) = state.partition(&up.key)? else { return Ok(true) };
        if dominant_child(state, &ancestor, policy, now)?.is_none_or(|child| child.key != key) {
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
