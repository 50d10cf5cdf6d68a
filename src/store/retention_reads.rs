//! Reading what retention walks over.

use crate::{
    sequencer::{BlobKey, Group, GroupKey, Receipt, StoredRepeatKey, UserTag},
    store::{Error, Presentation, Walk},
    wire::MaskedPartitionKey,
};

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait RetentionReads {
    /// How much refers to a GroupInfo or tree.
    fn blob_count(&self, group: &GroupKey, key: &BlobKey) -> Result<u32, Error>;

    /// All groups in order, at most `limit` after `after`.
    fn groups_after(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<(GroupKey, Group)>, Error>;

    /// The receipts of the group's joins and external proposals in order, at most `limit` after `after`.
    fn receipts_of_group(
        &self,
        group: &GroupKey,
        after: Option<&StoredRepeatKey>,
        limit: usize,
    ) -> Result<Vec<(StoredRepeatKey, Receipt)>, Error>;

    /// Presentations of all groups in order, at most `limit` after `after`.
    fn presentations(
        &self,
        after: Option<&(GroupKey, MaskedPartitionKey, UserTag)>,
        limit: usize,
    ) -> Result<Vec<Presentation>, Error>;

    /// How far retention has come.
    fn walk(&self) -> Result<Option<Walk>, Error>;
}
