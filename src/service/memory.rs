//! What a lane remembers, so that a decision seldom reads the store.

use std::{cell::RefCell, num::NonZeroUsize, sync::Arc};

use lru::LruCache;

use super::ways::Ways;
use crate::{
    mls::EpochNumber,
    sequencer::{Fork, Group, GroupKey, Partition},
    store::Batch,
    wire::MaskedPartitionKey,
};

/// A partition of a group.
type Row = (GroupKey, MaskedPartitionKey);

/// Records that a lane, their only writer, keeps at hand.
pub(super) struct Memory {
    groups: RefCell<LruCache<GroupKey, Arc<Group>>>,
    partitions: RefCell<LruCache<Row, Arc<Partition>>>,
    ways: RefCell<Ways>,
}

/// A record of a group has some hundred bytes, and one of a partition about two thousand: 64 MiB of both, soon reached and
/// never more. What is not among them is read from the store.
const GROUPS_MAX: NonZeroUsize = NonZeroUsize::new(16_384).expect("not zero");
const PARTITIONS_MAX: NonZeroUsize = NonZeroUsize::new(32_768).expect("not zero");

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            groups: RefCell::new(LruCache::new(GROUPS_MAX)),
            partitions: RefCell::new(LruCache::new(PARTITIONS_MAX)),
            ways: RefCell::new(Ways::new()),
        }
    }

    pub(super) fn group(&self, group: &GroupKey) -> Option<Arc<Group>> {
        self.groups.borrow_mut().get(group).cloned()
    }

    pub(super) fn partition(&self, row: &Row) -> Option<Arc<Partition>> {
        self.partitions.borrow_mut().get(row).cloned()
    }

    /// The forks above a partition.
    pub(super) fn forks(&self, (group, partition): &Row) -> Option<Arc<[Fork]>> {
        self.ways.borrow_mut().forks(group, partition)
    }

    /// Remembers what was read.
    pub(super) fn keep_group(&self, group: GroupKey, record: Arc<Group>) {
        self.groups.borrow_mut().put(group, record);
    }

    /// The same of a partition.
    pub(super) fn keep_partition(&self, row: Row, record: Arc<Partition>) {
        self.partitions.borrow_mut().put(row, record);
    }

    /// Remembers the forks above a partition of that epoch.
    pub(super) fn keep_forks(&self, (group, partition): Row, epoch: EpochNumber, forks: Arc<[Fork]>) {
        self.ways.borrow_mut().keep(group, (partition, epoch), forks);
    }

    /// Ways up from there, and from later epochs, are others now, or will be.
    pub(super) fn forget_forks(&self, group: &GroupKey, from: EpochNumber) {
        self.ways.borrow_mut().forget(group, from);
    }

    /// Remembers what a batch has made durable.
    pub(super) fn absorb(&self, batch: Batch) {
        let (mut groups, mut partitions) = (self.groups.borrow_mut(), self.partitions.borrow_mut());
        for (key, group) in batch.groups {
            groups.put(key, group);
        }
        for (key, partition) in batch.partitions {
            partitions.put(key, partition);
        }
        for key in &batch.removed {
            partitions.pop(key);
        }
    }

    /// Forgets everything, after somebody else wrote.
    pub(super) fn forget(&self) {
        self.groups.borrow_mut().clear();
        self.partitions.borrow_mut().clear();
        self.ways.borrow_mut().clear();
    }
}
