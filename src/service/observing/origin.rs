//! What a state came from, beside its commit.

use crate::{
    sequencer::{GroupKey, OwnerChanges, Partition},
    store::{Error, Snapshot},
    wire::MaskedPartitionKey,
};

/// Where a state was derived, and what became of its leaves.
///
/// # Correctness
/// The digest of a state does not cover whose its leaves are: that came beside the commit, and whoever has the commit
/// can send it again with something else. A list of owners follows from that of the partition above and from what the
/// commit changed, and states are derived only from that of the partition above. So one that has the digest and the
/// origin of a record is the record's, with its owners. What was changed does not tell alone: somebody may have made
/// another branch of the same commits, and have named others further up.
#[derive(PartialEq, Eq)]
pub(super) struct Origin {
    /// The partition in which the commit stands. Nothing at the beginning of a group.
    pub(super) above: Option<MaskedPartitionKey>,
    /// Whose the leaves are that it changed.
    pub(super) changes: OwnerChanges,
}

impl Origin {
    /// That of a partition whose state is known.
    pub(super) fn of(
        snapshot: &dyn Snapshot,
        (group, key): (&GroupKey, &MaskedPartitionKey),
        record: &Partition,
    ) -> Result<Self, Error> {
        let changes = snapshot.owner_changes(group, key)?.ok_or(Error::Corrupt("list of owners"))?;
        Ok(Self { above: record.parent.map(|parent| parent.key), changes })
    }
}
