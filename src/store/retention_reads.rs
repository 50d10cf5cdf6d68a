//! Reading what retention walks over.

use crate::{
    sequencer::{BlobKey, Group, GroupKey, Partition, Receipt, StoredRepeatKey, UnixMillis, UserTag},
    store::{Error, Walk},
    wire::MaskedPartitionKey,
};

/// A group. What cannot be read is an error in its place, and what is behind it is listed: so in all rows here.
pub type GroupRow = (GroupKey, Result<Group, Error>);

/// A partition of a group.
pub type PartitionRow = (MaskedPartitionKey, Result<Partition, Error>);

/// A receipt, by what its message is recognised by.
pub type ReceiptRow = (StoredRepeatKey, Result<Receipt, Error>);

/// Which partition's key was presented, and by whom.
pub type PresentationName = (GroupKey, MaskedPartitionKey, UserTag);

/// When it was.
pub type PresentationRow = (PresentationName, Result<UnixMillis, Error>);

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait RetentionReads {
    /// How much refers to a GroupInfo or tree.
    fn blob_count(&self, group: &GroupKey, key: &BlobKey) -> Result<u32, Error>;

    /// All groups in order, at most `limit` after `after`.
    fn groups_after(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupRow>, Error>;

    /// The partitions of a group in order, at most `limit` after `after`.
    fn partitions_after(
        &self,
        group: &GroupKey,
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<PartitionRow>, Error>;

    /// The receipts of the group's joins and external proposals in order, at most `limit` after `after`.
    fn receipts_of_group(
        &self,
        group: &GroupKey,
        after: Option<&StoredRepeatKey>,
        limit: usize,
    ) -> Result<Vec<ReceiptRow>, Error>;

    /// Presentations of all groups in order, at most `limit` after `after`.
    fn presentations(&self, after: Option<&PresentationName>, limit: usize) -> Result<Vec<PresentationRow>, Error>;

    /// How far retention has come.
    fn walk(&self) -> Result<Option<Walk>, Error>;
}
