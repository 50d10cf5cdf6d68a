//! Reading what retention walks over.

use super::{keys, retention_keys, snapshot::RocksSnapshot, values};
use crate::{
    sequencer::{BlobKey, Group, GroupKey, Receipt, StoredRepeatKey, UserTag},
    store::{Error, Presentation, RetentionReads, Walk},
    wire::MaskedPartitionKey,
};

impl RetentionReads for RocksSnapshot<'_> {
    fn blob_count(&self, group: &GroupKey, key: &BlobKey) -> Result<u32, Error> {
        Ok(self.record(keys::STATE, &keys::blob_count(group, key), "count of references")?.unwrap_or(0))
    }

    fn groups_after(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<(GroupKey, Group)>, Error> {
        let mut groups = Vec::new();
        let prefix = keys::groups(&[]);
        let start = after.map_or(prefix.clone(), |group| retention_keys::behind(keys::group(group)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let group = keys::parse_group(key).ok_or(Error::Corrupt("group"))?;
            groups.push((group, values::decode(value, "group")?));
            Ok(groups.len() < limit)
        })?;
        Ok(groups)
    }

    fn receipts_of_group(
        &self,
        group: &GroupKey,
        after: Option<&StoredRepeatKey>,
        limit: usize,
    ) -> Result<Vec<(StoredRepeatKey, Receipt)>, Error> {
        let mut receipts = Vec::new();
        let prefix = keys::partition_prefix(group, &MaskedPartitionKey::NONE);
        let behind = |key| retention_keys::behind(retention_keys::receipt_of_group(group, key));
        let start = after.map_or(prefix.clone(), behind);
        self.scan(keys::REPEATS, &prefix, &start, |key, value| {
            let name = retention_keys::parse_receipt(key).ok_or(Error::Corrupt("receipt"))?;
            receipts.push((name, values::decode(value, "receipt")?));
            Ok(receipts.len() < limit)
        })?;
        Ok(receipts)
    }

    fn presentations(
        &self,
        after: Option<&(GroupKey, MaskedPartitionKey, UserTag)>,
        limit: usize,
    ) -> Result<Vec<Presentation>, Error> {
        let mut presentations = Vec::new();
        let start = after.map_or(Vec::new(), |(group, partition, user)| {
            retention_keys::behind(keys::presented(group, partition, user))
        });
        self.scan(keys::PRESENTED, &[], &start, |key, value| {
            let row = retention_keys::parse_presented(key).ok_or(Error::Corrupt("presentation"))?;
            let (group, partition, user) = row;
            let at_ms = values::decode(value, "presentation")?;
            presentations.push(Presentation { group, partition, user, at_ms });
            Ok(presentations.len() < limit)
        })?;
        Ok(presentations)
    }

    fn walk(&self) -> Result<Option<Walk>, Error> {
        self.record(keys::STATE, &[keys::kind::WALK], "walk")
    }
}
