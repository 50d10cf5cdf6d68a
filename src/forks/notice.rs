//! What it would mean to end a branch, said before it is done.

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    picture::User,
    survey::{Forest, users},
};
use crate::{
    sequencer::{BranchOutcome, Cut, Partition, Policy, UnixMillis},
    wire::MaskedPartitionKey,
};

/// What it would mean to end a branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// As of when.
    pub at_ms: UnixMillis,
    /// Whether the group has more partitions than were looked at: numbers are the least then.
    #[serde(default)]
    pub is_cut: bool,
    /// The name of the partition with which it begins.
    pub top: String,
    /// Its epoch number.
    pub epoch: Option<u64>,
    /// How many partitions would take no message any more.
    pub partitions: u64,
    /// How many messages they hold, which can still be read. Those that retention has removed are not among them.
    pub messages: u64,
    /// How many newest epochs are among them.
    pub heads: u64,
    /// How many Welcomes would be dropped, for good, that wait for somebody to use them.
    pub held: u64,
    /// Who used the branch, the last one first.
    pub users: Vec<User>,
    /// Those of them that have used nothing else of the group since the branch began, but what leads to it.
    pub stranded: Vec<String>,
    /// Whether it is the dominant branch that would be ended.
    pub is_dominant: bool,
    /// The name of the dominant branch's newest partition afterwards.
    pub newest: Option<String>,
    /// Its epoch number.
    pub newest_epoch: Option<u64>,
    /// Until when it could be taken back.
    pub until_ms: UnixMillis,
}

/// What it would mean, or why it cannot be done.
pub type NoticeOf = Result<Notice, BranchOutcome>;

/// What it would mean to end the branch that begins with the partition.
///
/// # Errors
/// Why that cannot be done.
pub fn notice(forest: &Forest, top: &MaskedPartitionKey, policy: &Policy, now: UnixMillis) -> NoticeOf {
    let partition = forest.partitions.get(top).ok_or(BranchOutcome::NotThere)?;
    if forest.group.spreading.is_some() {
        return Err(BranchOutcome::Busy);
    }
    if let Some(termination) = partition.terminated {
        return Err(BranchOutcome::AlreadyTerminated { top: termination.top });
    }
    let parent = partition.parent.filter(|_| partition.is_connected()).ok_or(BranchOutcome::NotABranch)?;
    let below = forest.below(*top);
    let live: Vec<_> = below.iter().copied().filter(|(_, partition)| !partition.is_terminated()).collect();
    let is_dominant = forest.dominant_branch().contains(top);
    let began_ms = forest
        .partitions
        .get(&parent.key)
        .and_then(|above| above.children.iter().find(|child| child.key == *top))
        .map_or(0, |child| child.announced_ms);
    let after = without(forest, &parent.key, top);
    // Where the way was cut off, nobody knows how far it leads.
    let is_head = |key: &MaskedPartitionKey| after.partitions.get(key).is_some_and(|partition| partition.is_head());
    let newest = after.dominant_branch().last().copied().filter(is_head);
    let users = users(live.iter().map(|(_, partition)| *partition));
    // What is above both sides have used, and read again for stragglers: it tells nothing.
    let above = forest.above(parent.key);
    let neither: BTreeSet<_> = below.iter().map(|(key, _)| *key).chain(above).collect();
    let elsewhere: BTreeSet<_> = forest
        .partitions
        .iter()
        .filter(|(key, partition)| partition.is_connected() && !neither.contains(key))
        .flat_map(|(_, partition)| &partition.uses)
        .filter(|a_use| a_use.last_ms > began_ms)
        .map(|a_use| a_use.provider.as_str())
        .collect();
    let stranded = users.iter().map(|user| user.provider.clone());
    Ok(Notice {
        at_ms: now,
        is_cut: forest.is_cut,
        top: forest.name(top),
        epoch: partition.epoch.map(|epoch| epoch.0),
        partitions: live.len() as u64,
        messages: live.iter().map(|(_, partition)| partition.messages(forest.forgotten)).sum(),
        heads: live.iter().filter(|(_, partition)| partition.is_head()).count() as u64,
        held: live.iter().map(|(_, partition)| partition.held.len() as u64).sum(),
        stranded: stranded.filter(|provider| !elsewhere.contains(provider.as_str())).collect(),
        users,
        is_dominant,
        newest: newest.map(|newest| forest.name(&newest)),
        newest_epoch: newest.and_then(|key| forest.partitions.get(&key)?.epoch).map(|epoch| epoch.0),
        until_ms: now.saturating_add(policy.restore_ms),
    })
}

/// The group as it would be without that branch.
fn without(forest: &Forest, parent: &MaskedPartitionKey, top: &MaskedPartitionKey) -> Forest {
    let mut after = forest.clone();
    if let Some(above) = after.partitions.get_mut(parent) {
        let above: &mut Partition = Arc::make_mut(above);
        for child in above.children.iter_mut().filter(|child| child.key == *top) {
            child.cut = Cut::Here;
        }
    }
    after
}
