//! Where the way from a partition up to the root leads past other branches.

use std::sync::Arc;

use super::{Partition, dominance::WALK_MAX};
use crate::{mls::EpochNumber, wire::MaskedPartitionKey};

/// A partition on the way up in which that way is not the only one to go on.
///
/// Elsewhere on the way nothing has to be asked: what is below leads on by itself, whoever uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The partition.
    pub partition: MaskedPartitionKey,
    /// Its child on the way.
    pub via: MaskedPartitionKey,
    /// Its epoch: as many steps away as epochs are between.
    pub epoch: EpochNumber,
}

/// The forks above a partition that is connected, the nearest first, as far up as walks go and perhaps some farther ones.
///
/// `read` gives records. `known` gives what this function has given of another partition of the group, if no change since
/// then has bent the way up from there ([`bent_from`]); `None` where that is not known.
///
/// # Errors
/// Those of `read`.
pub fn forks_above<E>(
    (key, partition): (&MaskedPartitionKey, &Partition),
    read: impl Fn(&MaskedPartitionKey) -> Result<Option<Arc<Partition>>, E>,
    known: impl Fn(&MaskedPartitionKey) -> Option<Arc<[Fork]>>,
) -> Result<Arc<[Fork]>, E> {
    let mut forks = Vec::new();
    let (mut via, mut parent) = (*key, partition.parent);
    for _step in 0..WALK_MAX {
        let Some(up) = parent else { break };
        let Some(ancestor) = read(&up.key)? else { break };
        if let (true, Some(epoch)) = (ancestor.sole_rival() != Some(via), ancestor.epoch) {
            forks.push(Fork { partition: up.key, via, epoch });
        }
        if let Some(above) = known(&up.key) {
            if forks.is_empty() {
                return Ok(above);
            }
            forks.extend(above.iter().filter(|fork| fork.is_near(partition)));
            break;
        }
        (via, parent) = (up.key, ancestor.parent);
    }
    Ok(forks.into())
}

/// From which epoch on ways up may be others, now that a record has changed so; `None` if all are as they were. A way is
/// bent where something else leads to a partition, or where it was the only one to go on and is not any more. What has
/// become the only one may still be taken for a fork.
pub fn bent_from(before: &Partition, after: &Partition) -> Option<EpochNumber> {
    let way = |partition: &Partition| partition.parent.map(|parent| parent.key);
    if way(before) != way(after) {
        return before.epoch.into_iter().chain(after.epoch).min();
    }
    let was_sole = before.sole_rival().is_some();
    if was_sole && before.sole_rival() != after.sole_rival() { before.epoch?.next() } else { None }
}

impl Fork {
    /// Whether walks from that partition, which is below, go as far.
    pub(super) fn is_near(&self, partition: &Partition) -> bool {
        partition.epoch.is_some_and(|epoch| epoch.0.saturating_sub(self.epoch.0) <= WALK_MAX as u64)
    }
}
