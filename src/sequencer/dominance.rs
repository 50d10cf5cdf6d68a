//! Which of several branches most of the group is on (specs/protocol.md, "Forks").
//!
//! A node's *dominant child* was used by the most established actors; a tie goes to the one that was sequenced first. An
//! actor is a provider; it is *established* at a fork when it had used the forked partition or an ancestor before the
//! fork's first commit. The dominant branch follows dominant children from the root.
//!
//! Uses never lapse: a group that moves on uses the partitions behind it no more, and one that sleeps uses none. If they
//! lapsed, whoever has an old key could make a branch of their own the dominant one by waiting.

use std::{collections::BTreeSet, sync::Arc};

use super::{Child, Partition, Tree};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// How far up a walk goes. A branch off the dominant one that is deeper than this was paid for by the budgets of eight
/// providers, and counts as dominant from then on.
pub(super) const WALK_MAX: usize = 512;

/// How a child stands among those that the operator has not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which child.
    pub child: Child,
    /// The established actors that used it.
    pub actors: BTreeSet<ServiceProviderId>,
}

/// The children of a partition among which one is dominant, in the order in which they were sequenced.
///
/// # Errors
/// When the state could not be read.
pub fn standings<S: Tree + ?Sized>(state: &S, partition: &Partition) -> Result<Vec<Standing>, S::Error> {
    let rivals = partition.rivals();
    let mut used = Vec::with_capacity(rivals.len());
    for child in &rivals {
        let child = state.partition(&child.key)?;
        let users = child.iter().flat_map(|child| &child.uses).map(|a_use| a_use.provider.clone());
        used.push(users.collect());
    }
    let established = established(state, partition, &used)?;
    let standing = |(child, used): (&Child, BTreeSet<_>)| {
        let actors = used.into_iter().filter(|provider| established.contains(provider)).collect();
        Standing { child: *child, actors }
    };
    Ok(rivals.into_iter().zip(used).map(standing).collect())
}

/// The dominant child of a partition.
///
/// # Errors
/// When the state could not be read.
pub fn dominant_child<S: Tree + ?Sized>(state: &S, partition: &Partition) -> Result<Option<Child>, S::Error> {
    if let rivals @ ([] | [_]) = partition.rivals().as_slice() {
        return Ok(rivals.first().map(|child| **child));
    }
    let mut dominant: Option<Standing> = None;
    for standing in standings(state, partition)? {
        if dominant.as_ref().is_none_or(|most| standing.actors.len() > most.actors.len()) {
            dominant = Some(standing);
        }
    }
    Ok(dominant.map(|standing| standing.child))
}

/// Those of the providers that had used the forked partition or an ancestor before its first commit.
///
/// One walk for all of them: a fork may have many children, used by many who were never here before.
pub(super) fn established<S: Tree + ?Sized>(
    state: &S,
    forked: &Partition,
    used: &[BTreeSet<ServiceProviderId>],
) -> Result<BTreeSet<ServiceProviderId>, S::Error> {
    let mut established = BTreeSet::new();
    let Some(forked_ms) = forked.forked_ms else { return Ok(established) };
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
pub(super) fn is_on_dominant_branch<S: Tree + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
) -> Result<bool, S::Error> {
    let is_dominant = |ancestor: &Partition, key: &MaskedPartitionKey| {
        Ok(dominant_child(state, ancestor)?.is_some_and(|child| child.key == *key))
    };
    holds_at_forks(state, key, partition, is_dominant)
}

/// Whether no more established actors are on another branch than on the partition's. Where a whole group is at one
/// provider, the number of actors says nothing: then whoever came first is on the dominant branch, and others are here.
pub(super) fn is_outnumbered_nowhere<S: Tree + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
) -> Result<bool, S::Error> {
    let has_as_many = |ancestor: &Partition, key: &MaskedPartitionKey| {
        if let Some(only) = ancestor.sole_rival() {
            return Ok(only == *key);
        }
        let standings = standings(state, ancestor)?;
        let most = standings.iter().map(|standing| standing.actors.len()).max();
        Ok(standings.iter().any(|standing| standing.child.key == *key && Some(standing.actors.len()) == most))
    };
    holds_at_forks(state, key, partition, has_as_many)
}

/// Whether something holds of each edge from the root to the partition, as far as walks go, that holds by itself where
/// nothing else goes on. Asked with each commit of a member, however long the way is.
fn holds_at_forks<S: Tree + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
    holds: impl Fn(&Partition, &MaskedPartitionKey) -> Result<bool, S::Error>,
) -> Result<bool, S::Error> {
    if !partition.is_connected() || partition.is_terminated() {
        return Ok(false);
    }
    for fork in state.forks_above(key, partition)?.iter().filter(|fork| fork.is_near(partition)) {
        let Some(ancestor) = state.partition(&fork.partition)? else { break };
        if !holds(&ancestor, &fork.via)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether something holds of each edge from the root to the partition, as far as walks go.
pub(super) fn holds_up_to_the_root<S: Tree + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
    holds: impl Fn(&Partition, &MaskedPartitionKey) -> Result<bool, S::Error>,
) -> Result<bool, S::Error> {
    Ok(is_up_to_the_root(state, key, partition, WALK_MAX, holds)? != Some(false))
}

/// The same; `None` where it holds of so many edges as `steps`, and there are more.
pub(super) fn is_up_to_the_root<S: Tree + ?Sized>(
    state: &S,
    key: &MaskedPartitionKey,
    partition: &Partition,
    steps: usize,
    holds: impl Fn(&Partition, &MaskedPartitionKey) -> Result<bool, S::Error>,
) -> Result<Option<bool>, S::Error> {
    if !partition.is_connected() || partition.is_terminated() {
        return Ok(Some(false));
    }
    let (mut key, mut parent) = (*key, partition.parent);
    for _step in 0..steps {
        let Some(up) = parent else { return Ok(Some(true)) };
        let Some(ancestor) = state.partition(&up.key)? else { return Ok(Some(true)) };
        if !holds(&ancestor, &key)? {
            return Ok(Some(false));
        }
        (key, parent) = (up.key, ancestor.parent);
    }
    Ok(parent.is_none().then_some(true))
}

/// Whether the partition descends from `above`, or is it. What is deeper than walks go is not known.
pub(super) fn descends<S: Tree + ?Sized>(
    state: &S,
    (key, partition): (&MaskedPartitionKey, &Partition),
    above: &MaskedPartitionKey,
) -> Result<Option<bool>, S::Error> {
    let (mut key, mut parent) = (*key, partition.parent);
    for _step in 0..WALK_MAX {
        if key == *above {
            return Ok(Some(true));
        }
        let Some(up) = parent else { return Ok(Some(false)) };
        let Some(ancestor) = state.partition(&up.key)? else { return Ok(None) };
        (key, parent) = (up.key, ancestor.parent);
    }
    Ok(None)
}

/// The topmost partition above one that is not connected: the orphan from which it descends.
///
/// `None` when the walk is too long or a partition on the way is gone.
pub(super) fn orphan_above<S: Tree + ?Sized>(
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
