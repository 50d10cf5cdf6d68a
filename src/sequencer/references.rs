//! How many messages and partitions refer to a GroupInfo or tree. What is stored once goes with the last of them.
//!
//! Counts follow from what a transition changes, whatever made it: no command counts by itself.

use std::collections::BTreeMap;

use super::{BlobKey, Partition, State, Transition};
use crate::wire::MaskedPartitionKey;

/// Adds the new counts to a transition.
pub(super) fn count<S: State + ?Sized>(state: &S, transition: &mut Transition) -> Result<(), S::Error> {
    let mut changes: BTreeMap<BlobKey, i64> = BTreeMap::new();
    let mut add = |blob: BlobKey, number: i64| *changes.entry(blob).or_default() += number;
    let commits = transition.appends.iter().filter_map(|(_, _, entry)| entry.commit);
    commits.filter_map(|commit| commit.group_info).for_each(|(blob, _)| add(blob, 1));
    transition.trimmed.iter().flat_map(|trimmed| &trimmed.blobs).for_each(|blob| add(*blob, -1));
    for (key, after) in last_records(transition) {
        let before = state.partition(&key)?;
        before.iter().flat_map(|record| record.blobs()).for_each(|blob| add(blob, -1));
        after.into_iter().flat_map(Partition::blobs).for_each(|blob| add(blob, 1));
    }
    for (blob, change) in changes.into_iter().filter(|(_, change)| *change != 0) {
        let after = i64::from(state.blob_count(&blob)?).saturating_add(change);
        // Fewer than none, or more than 2^32, there are not.
        transition.blob_counts.push((blob, u32::try_from(after.max(0)).unwrap_or(u32::MAX)));
    }
    Ok(())
}

/// The records that partitions have afterwards; of several the last one. A partition that is removed has none.
fn last_records(transition: &Transition) -> BTreeMap<MaskedPartitionKey, Option<&Partition>> {
    let changed = transition.partitions.iter().map(|(key, record)| (*key, Some(record)));
    changed.chain(transition.removed.iter().map(|key| (*key, None))).collect()
}
