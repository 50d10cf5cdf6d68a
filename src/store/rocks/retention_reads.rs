//! Reading what retention walks over.

use super::{keys, retention_keys, snapshot::RocksSnapshot};
use crate::{
    sequencer::{BlobKey, GroupKey, StoredRepeatKey},
    store::{Error, GroupRow, PartitionRow, PresentationName, PresentationRow, ReceiptRow, RetentionReads, Walk},
    wire::MaskedPartitionKey,
};

impl RetentionReads for RocksSnapshot<'_> {
    fn blob_count(&self, group: &GroupKey, key: &BlobKey) -> Result<u32, Error> {
        Ok(self.record(keys::STATE, &keys::blob_count(group, key), "count of references")?.unwrap_or(0))
    }

    fn groups_after(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupRow>, Error> {
        let after = after.map(keys::group);
        self.rows_behind((keys::STATE, &keys::groups(&[])), after, limit, (keys::parse_group, "group"))
    }

    fn partitions_after(
        &self,
        group: &GroupKey,
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<PartitionRow>, Error> {
        let (prefix, after) = (keys::partitions(group, &[]), after.map(|after| keys::partition(group, after)));
        self.rows_behind((keys::STATE, &prefix), after, limit, (keys::parse_partition, "partition"))
    }

    fn receipts_of_group(
        &self,
        group: &GroupKey,
        after: Option<&StoredRepeatKey>,
        limit: usize,
    ) -> Result<Vec<ReceiptRow>, Error> {
        let prefix = keys::partition_prefix(group, &MaskedPartitionKey::NONE);
        let after = after.map(|key| retention_keys::receipt_of_group(group, key));
        self.rows_behind((keys::REPEATS, &prefix), after, limit, (retention_keys::parse_receipt, "receipt"))
    }

    fn presentations(&self, after: Option<&PresentationName>, limit: usize) -> Result<Vec<PresentationRow>, Error> {
        let after = after.map(|(group, partition, user)| keys::presented(group, partition, user));
        self.rows_behind((keys::PRESENTED, &[]), after, limit, (retention_keys::parse_presented, "presentation"))
    }

    fn walk(&self) -> Result<Option<Walk>, Error> {
        self.record(keys::STATE, &[keys::kind::WALK], "walk")
    }
}
