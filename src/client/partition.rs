//! How far one partition was read.

use super::policy::GroupPolicy;
use crate::{mls::EpochNumber, wire::PartitionKey};

/// One epoch's messages at the hub, as far as they were read.
#[derive(Clone)]
pub(super) struct Partition {
    pub(super) key: PartitionKey,
    pub(super) epoch: EpochNumber,
    /// The index of the next wanted message: draft §4.4 `counter`.
    pub(super) counter: u32,
    /// The index of the last commit that was read, whatever became of it.
    pub(super) last_commit: Option<u32>,
    /// Messages were gone before they were read: of the commits that are left nobody knows whether one was first.
    pub(super) has_gap: bool,
    /// What the state of that epoch forbids.
    pub(super) policy: GroupPolicy,
}

impl Partition {
    pub(super) fn at_start(key: PartitionKey, epoch: EpochNumber, policy: GroupPolicy) -> Self {
        Self { key, epoch, counter: 0, last_commit: None, has_gap: false, policy }
    }
}
