//! Finding groups and partitions by the beginnings of their hashes.

use std::sync::Arc;

use super::{
    Found, Named, Unnamed,
    gathering::{Gathering, Partitions},
};
use crate::{
    forks::Forest,
    sequencer::{Forgotten, Group, GroupKey},
    store::{Error, Snapshot},
    wire::MaskedPartitionKey,
};

/// How many partitions of a group are read at once.
const PAGE: usize = 1_024;
/// How many orphans are shown of a group with more partitions than are looked at.
const ORPHANS_MAX: usize = 256;

/// The one group whose key begins so.
pub(super) fn group(snapshot: &dyn Snapshot, name: &[u8]) -> Found<(GroupKey, Group)> {
    Ok(the_only(snapshot.groups(name, 2)?))
}

/// The same, and its partitions: so many of them at most, and then those that lead to its newest epoch, and what leaves
/// them, before all others.
pub(super) fn forest(
    snapshot: &dyn Snapshot,
    name: &[u8],
    partitions_max: usize,
    forgotten: Forgotten,
) -> Found<Forest> {
    let (key, group) = match group(snapshot, name)? {
        Ok(found) => found,
        Err(unnamed) => return Ok(Err(unnamed)),
    };
    let (mut partitions, is_cut) = first_partitions(snapshot, &key, partitions_max)?;
    if is_cut {
        let newest = snapshot.highest_head(&key)?.unwrap_or(group.root);
        let orphans = partitions.into_iter().filter(|(_, partition)| partition.is_orphan()).take(ORPHANS_MAX);
        let mut gathered = Gathering::new(snapshot, key, partitions_max).around_newest(&newest)?;
        gathered.extend(orphans);
        partitions = gathered;
    }
    Ok(Ok(Forest { key, group, partitions, is_cut, forgotten }))
}

/// The group's partitions, so many of them at most, and then those that matter for a branch before all others.
pub(super) fn forest_around(
    snapshot: &dyn Snapshot,
    (key, group): (GroupKey, Group),
    top: &MaskedPartitionKey,
    partitions_max: usize,
    forgotten: Forgotten,
) -> Result<Forest, Error> {
    let (mut partitions, is_cut) = first_partitions(snapshot, &key, partitions_max)?;
    if is_cut {
        partitions = Gathering::new(snapshot, key, partitions_max).around_branch(top)?;
    }
    Ok(Forest { key, group, partitions, is_cut, forgotten })
}

/// The first partitions of a group, in the order of their keys, and whether there are more.
fn first_partitions(
    snapshot: &dyn Snapshot,
    group: &GroupKey,
    partitions_max: usize,
) -> Result<(Partitions, bool), Error> {
    let mut partitions = Partitions::new();
    let mut after: Option<MaskedPartitionKey> = None;
    let page_max = PAGE.min(partitions_max);
    loop {
        let page = snapshot.partitions(group, &[], after.as_ref(), page_max)?;
        let is_last = page.len() < page_max;
        after = page.last().map(|(key, _)| *key);
        partitions.extend(page.into_iter().map(|(key, partition)| (key, Arc::new(partition))));
        if is_last || partitions.len() >= partitions_max {
            return Ok((partitions, !is_last));
        }
    }
}

/// The one partition of the group whose masked key begins so.
pub(super) fn partition(snapshot: &dyn Snapshot, group: &GroupKey, name: &[u8]) -> Found<MaskedPartitionKey> {
    Ok(the_only(snapshot.partitions(group, name, None, 2)?).map(|(key, _)| key))
}

fn the_only<T>(found: Vec<T>) -> Named<T> {
    let mut found = found.into_iter();
    match (found.next(), found.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(Unnamed::Nothing),
        (Some(_), Some(_)) => Err(Unnamed::Several),
    }
}
