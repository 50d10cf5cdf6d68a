//! Reading what is pushed: subscriptions here, and partitions that are followed elsewhere.

use bytes::Bytes;

use super::{
    keys, push_keys,
    snapshot::{RocksSnapshot, start_behind},
};
use crate::{
    sequencer::{Followed, GroupKey, Kept},
    store::{Error, PushReads},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

impl PushReads for RocksSnapshot<'_> {
    fn subscribed(
        &self,
        provider: &ServiceProviderId,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error> {
        let mut rows = Vec::new();
        let prefix = push_keys::subscribed_prefix(provider);
        let start =
            start_behind(&prefix, after.map(|(group, partition)| push_keys::subscribed(provider, group, partition)));
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            rows.push(push_keys::parse_place(key).ok_or(Error::Corrupt("subscription"))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn followed(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error> {
        self.record(keys::STATE, &push_keys::followed(group, partition), "followed partition")
    }

    fn all_followed(
        &self,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error> {
        let mut rows = Vec::new();
        let prefix = [keys::kind::FOLLOWED];
        let start = start_behind(&prefix, after.map(|(group, partition)| push_keys::followed(group, partition)));
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            rows.push(push_keys::parse_place(key).ok_or(Error::Corrupt("followed partition"))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn followed_of(&self, group: &GroupKey, limit: usize) -> Result<Vec<MaskedPartitionKey>, Error> {
        let mut partitions = Vec::new();
        let prefix = push_keys::followed_prefix(group);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            partitions.push(push_keys::parse_place(key).ok_or(Error::Corrupt("followed partition"))?.1);
            Ok(partitions.len() < limit)
        })?;
        Ok(partitions)
    }

    fn kept(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        from: u32,
        bytes: u64,
    ) -> Result<Vec<Kept>, Error> {
        let (mut kept, mut total): (Vec<Kept>, _) = (Vec::new(), 0_u64);
        let prefix = keys::partition_prefix(group, partition);
        self.scan(keys::FOLLOWED, &prefix, &keys::message(group, partition, from), |key, value| {
            let index = keys::parse_message_index(key).ok_or(Error::Corrupt("kept message"))?;
            total += value.len() as u64;
            if total > bytes && !kept.is_empty() {
                return Ok(false);
            }
            kept.push(Kept { index, message: Bytes::copy_from_slice(value) });
            Ok(true)
        })?;
        Ok(kept)
    }
}
