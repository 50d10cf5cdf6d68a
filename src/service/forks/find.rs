//! Finding groups and partitions by the beginnings of their hashes.

use std::{collections::BTreeMap, sync::Arc};

use super::{Found, Named, Unnamed};
use crate::{
    forks::Forest,
    sequencer::{Group, GroupKey},
    store::Snapshot,
    wire::MaskedPartitionKey,
};

/// How many partitions of a group are looked at.
const PARTITIONS_MAX: usize = 65_536;
/// How many of them at once.
const PAGE: usize = 1_024;

/// The one group whose key begins so.
pub(super) fn group(snapshot: &dyn Snapshot, name: &[u8]) -> Found<(GroupKey, Group)> {
    Ok(the_only(snapshot.groups(name, 2)?))
}

/// The same, and its partitions.
pub(super) fn forest(snapshot: &dyn Snapshot, name: &[u8]) -> Found<Forest> {
    let (key, group) = match group(snapshot, name)? {
        Ok(found) => found,
        Err(unnamed) => return Ok(Err(unnamed)),
    };
    let mut partitions = BTreeMap::new();
    let mut after: Option<MaskedPartitionKey> = None;
    let mut is_cut = false;
    loop {
        let page = snapshot.partitions(&key, &[], after.as_ref(), PAGE)?;
        let is_last = page.len() < PAGE;
        after = page.last().map(|(key, _)| *key);
        partitions.extend(page.into_iter().map(|(key, partition)| (key, Arc::new(partition))));
        if is_last {
            break;
        }
        if partitions.len() >= PARTITIONS_MAX {
            is_cut = true;
            break;
        }
    }
    Ok(Ok(Forest { key, group, partitions, is_cut }))
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
