//! Keys of the rows about the public states of groups. All rows of a partition begin with the partition.

use super::keys::partition_prefix;
use crate::{mls::ProposalRef, sequencer::GroupKey, wire::MaskedPartitionKey};

/// What a row is, behind the partition.
mod kind {
    pub(super) const STATE: u8 = b'S';
    pub(super) const OWNERS: u8 = b'W';
    pub(super) const OWNER_CHANGES: u8 = b'L';
    pub(super) const PROPOSAL: u8 = b'R';
}

fn row(group: &GroupKey, partition: &MaskedPartitionKey, kind: u8) -> Vec<u8> {
    let mut key = partition_prefix(group, partition);
    key.push(kind);
    key
}

/// The saved state of a checkpoint.
pub(super) fn state(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    row(group, partition, kind::STATE)
}

/// Whose the leaves of a checkpoint are.
pub(super) fn owners(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    row(group, partition, kind::OWNERS)
}

/// What the commit that announced the partition has changed of that.
pub(super) fn owner_changes(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    row(group, partition, kind::OWNER_CHANGES)
}

/// Where a public proposal stands.
pub(super) fn proposal(group: &GroupKey, partition: &MaskedPartitionKey, reference: &ProposalRef) -> Vec<u8> {
    [row(group, partition, kind::PROPOSAL).as_slice(), reference.as_bytes()].concat()
}
