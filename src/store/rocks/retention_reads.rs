//! Reading what retention walks over.

use super::{keys, retention_keys, snapshot::RocksSnapshot, values};
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
        let mut groups = Vec::new();
        let prefix = keys::groups(&[]);
        let start = after.map_or(prefix.clone(), |group| retention_keys::behind(keys::group(group)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let group = keys::parse_group(key).ok_or(Error::Corrupt("group"))?;
            groups.push((group, values::decode(value, "group")));
            Ok(groups.len() < limit)
        })?;
        Ok(groups)
    }

    fn partitions_after(
        &self,
        group: &GroupKey,
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<PartitionRow>, Error> {
        let mut partitions = Vec::new();
        let prefix = keys::partitions(group, &[]);
        let start = after.map_or(prefix.clone(), |after| retention_keys::behind(keys::partition(group, after)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let partition = keys::parse_partition(key).ok_or(Error::Corrupt("partition"))?;
            partitions.push((partition, values::decode(value, "partition")));
            Ok(partitions.len() < limit)
        })?;
        Ok(partitions)
    }

    fn receipts_of_group(
        &self,
        group: &GroupKey,
        after: Option<&StoredRepeatKey>,
        limit: usize,
    ) -> Result<Vec<ReceiptRow>, Error> {
        let mut receipts = Vec::new();
        let prefix = keys::partition_prefix(group, &MaskedPartitionKey::NONE);
        let behind = |key| retention_keys::behind(retention_keys::receipt_of_group(group, key));
        let start = after.map_or(prefix.clone(), behind);
        self.scan(keys::REPEATS, &prefix, &start, |key, value| {
            let name = retention_keys::parse_receipt(key).ok_or(Error::Corrupt("receipt"))?;
            receipts.push((name, values::decode(value, "receipt")));
            Ok(receipts.len() < limit)
        })?;
        Ok(receipts)
    }

    fn presentations(&self, after: Option<&PresentationName>, limit: usize) -> Result<Vec<PresentationRow>, Error> {
        let mut presentations = Vec::new();
        let start = after.map_or(Vec::new(), |(group, partition, user)| {
            retention_keys::behind(keys::presented(group, partition, user))
        });
        self.scan(keys::PRESENTED, &[], &start, |key, value| {
            let name = retention_keys::parse_presented(key).ok_or(Error::Corrupt("presentation"))?;
            presentations.push((name, values::decode(value, "presentation")));
            Ok(presentations.len() < limit)
        })?;
        Ok(presentations)
    }

    fn walk(&self) -> Result<Option<Walk>, Error> {
        self.record(keys::STATE, &[keys::kind::WALK], "walk")
    }
}
