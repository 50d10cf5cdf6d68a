//! Where somebody may join from outside: the newest epochs of a group (specs/protocol.md, "External joins").

use std::{cmp::Reverse, sync::Arc};

use super::{
    BlobKey, Partition, Policy, State, UnixMillis, Use,
    dominance::{WALK_MAX, dominant_child},
    doubt::Doubt,
};
use crate::{mls::EpochNumber, wire::MaskedPartitionKey};

/// A partition that an external commit or proposal may enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Which partition.
    pub partition: MaskedPartitionKey,
    /// The GroupInfo of its epoch, if one was published.
    pub group_info: Option<BlobKey>,
    /// How long that is, with the tree beside it.
    pub published_bytes: u64,
    /// Whether it is on the dominant branch.
    pub is_dominant: bool,
    /// How it stands beside another one with the same GroupContext.
    pub credit: Credit,
}

/// What speaks for a partition where another one has the same GroupContext: one of the two was announced with a GroupInfo
/// that is not that of its commit. Its committer can use it, and can only announce it when the GroupInfo was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Credit {
    /// How many providers used it lately, its committer's apart.
    followers: usize,
    /// When it was announced, and at which index.
    announced: Reverse<(UnixMillis, u32)>,
}

/// The heads of a group among which candidates are looked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Those with the epoch number at hand, at most [`HEADS_MAX`].
    pub of_epoch: Vec<MaskedPartitionKey>,
    /// Those with the next one, at most as many.
    pub above: Vec<MaskedPartitionKey>,
    /// One with the highest epoch number.
    pub highest: Option<MaskedPartitionKey>,
}

/// How many heads are looked at.
pub const HEADS_MAX: usize = 64;

/// How many candidates are looked at for one message: each may cost a GroupInfo and a signature.
pub const CANDIDATES_MAX: usize = 8;

/// The candidates with that epoch number, most credible first, at most [`CANDIDATES_MAX`].
///
/// A partition whose dominant child is in doubt is a candidate too. First comes what is on the dominant branch, then what
/// most providers used lately, then what has been there longest: who makes up branches comes last.
///
/// # Errors
/// When the state could not be read.
pub fn candidates<S: State + ?Sized>(
    state: &S,
    epoch: EpochNumber,
    heads: &Heads,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Vec<Candidate>, S::Error> {
    let mut keys = heads.of_epoch.clone();
    for head in &heads.above {
        let parent = state.partition(head)?.and_then(|head| head.parent).map(|parent| parent.key);
        keys.extend(parent);
    }
    // It may be one of more heads than are looked at, or stand above branches that are in doubt.
    let branch = dominant_branch(state, heads.highest.as_ref())?;
    let on_branch = branch.iter().find(|(_, partition)| partition.epoch == Some(epoch)).map(|(key, _)| *key);
    keys.extend(on_branch);
    keys.sort_unstable();
    keys.dedup();
    let since = now.saturating_sub(policy.silence_ms);
    let mut ranked = Vec::new();
    for partition in keys {
        let Some(record) = state.partition(&partition)? else { continue };
        if record.epoch != Some(epoch) || !is_candidate(state, &record, policy)? {
            continue;
        }
        let is_dominant = on_branch == Some(partition);
        let users = record.uses.iter().filter(|a_use| a_use.last_ms >= since).count();
        ranked.push(((Reverse(is_dominant), Reverse(users), record.created_ms), (partition, record)));
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    let best = ranked.into_iter().take(CANDIDATES_MAX);
    best.map(|((Reverse(is_dominant), ..), (partition, record))| {
        let credit = Credit::of(state, &partition, &record, since)?;
        let (group_info, published_bytes) = (record.group_info, record.published_bytes);
        Ok(Candidate { partition, group_info, published_bytes, is_dominant, credit })
    })
    .collect()
}

impl Credit {
    fn of<S: State + ?Sized>(
        state: &S,
        key: &MaskedPartitionKey,
        partition: &Partition,
        since: UnixMillis,
    ) -> Result<Self, S::Error> {
        let is_follower =
            |a_use: &&Use| a_use.last_ms >= since && Some(&a_use.provider) != partition.announced_by.as_ref();
        let followers = partition.uses.iter().filter(is_follower).count();
        let above = partition.parent.map(|parent| state.partition(&parent.key)).transpose()?.flatten();
        let edge = above.and_then(|above| above.children.iter().find(|child| child.key == *key).cloned());
        let announced = Reverse(edge.map_or((partition.created_ms, 0), |edge| (edge.announced_ms, edge.index)));
        Ok(Self { followers, announced })
    }
}

/// Whether members may be there: nothing follows the partition, or what follows is in doubt.
///
/// # Errors
/// When the state could not be read.
pub fn is_candidate<S: State + ?Sized>(state: &S, partition: &Partition, policy: &Policy) -> Result<bool, S::Error> {
    if !partition.is_connected() || partition.is_terminated() {
        return Ok(false);
    }
    match dominant_child(state, partition)? {
        None => Ok(true),
        Some(child) => Ok(Doubt::about(state, partition, &child, policy)?.is_there()),
    }
}

/// The partition whose GroupInfo is given to those who want to join: the dominant head, or, where doubt about a commit of
/// the dominant branch prevails, the partition in which the first such commit stands.
///
/// # Errors
/// When the state could not be read.
pub fn publisher<S: State + ?Sized>(
    state: &S,
    any_head: Option<&MaskedPartitionKey>,
    policy: &Policy,
) -> Result<Option<(MaskedPartitionKey, Arc<Partition>)>, S::Error> {
    let branch = dominant_branch(state, any_head)?;
    for (at, (key, partition)) in branch.iter().enumerate().skip(1).rev() {
        let below = branch.get(at - 1).map(|(below, _)| *below);
        let Some(child) = partition.children.iter().find(|child| Some(child.key) == below) else { continue };
        if Doubt::about(state, partition, child, policy)?.prevails() {
            return Ok(Some((*key, partition.clone())));
        }
    }
    Ok(branch.into_iter().next())
}

/// A partition's key and record.
type Found = (MaskedPartitionKey, Arc<Partition>);

/// The newest partitions of the dominant branch, from its head up. It is looked for from any head: up as far as walks go,
/// and down again along dominant children. A branch that is deeper than that counts as dominant (F7).
fn dominant_branch<S: State + ?Sized>(
    state: &S,
    any_head: Option<&MaskedPartitionKey>,
) -> Result<Vec<Found>, S::Error> {
    let Some(key) = any_head else { return Ok(Vec::new()) };
    let Some(mut partition) = state.partition(key)? else { return Ok(Vec::new()) };
    let mut key = *key;
    for _step in 0..WALK_MAX {
        let Some(parent) = partition.parent else { break };
        let Some(above) = state.partition(&parent.key)? else { break };
        (key, partition) = (parent.key, above);
    }
    let mut branch = vec![(key, partition.clone())];
    // From a highest head no branch leads down further than the walk led up; from another one, far enough.
    for _step in 0..2 * WALK_MAX {
        let Some(child) = dominant_child(state, &partition)? else { break };
        let Some(below) = state.partition(&child.key)? else { break };
        (key, partition) = (child.key, below);
        branch.push((key, partition.clone()));
    }
    branch.reverse();
    Ok(branch)
}
