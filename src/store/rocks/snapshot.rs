//! Reading: point reads and bounded scans of one consistent view.

use std::{cell::Cell, hint::black_box};

use bytes::Bytes;
use mls_rs_codec::MlsDecode;
use rocksdb::{DB, DBPinnableSlice, ErrorKind, ReadOptions, ReadTier, SnapshotWithThreadMode};

use super::{RocksStore, arrangement_keys, engine::OWNERS, keys, public_keys, push_keys, values};
use crate::{
    mls::{EpochNumber, ProposalRef},
    sequencer::{
        Ban, BanKey, BlobKey, Checkpoint, ComplaintKey, Complaints, Group, GroupKey, HeardBans, OwnerChanges, Owners,
        Partition, Receipt, RepeatKey, Reservation, Timer, UnixMillis, Usage, UserTag,
    },
    store::{BudgetRow, Error, Page, Snapshot},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// So many rows that were removed are passed over where nobody is to see whether a row is there.
const REMOVED_MAX: u64 = 8;

/// What a key names.
type Parse<N> = fn(&[u8]) -> Option<N>;

/// Where to begin for the rows with that prefix behind the key `after`, or for all of them.
pub(super) fn start_behind(prefix: &[u8], after: Option<Vec<u8>>) -> Vec<u8> {
    let Some(mut start) = after else { return prefix.to_vec() };
    // Nothing is between a key and the same with a zero behind it.
    start.push(0);
    start
}

/// What a row's key names, and its record, or that it cannot be read.
type Row<N, T> = (N, Result<T, Error>);

pub(super) struct RocksSnapshot<'a> {
    pub(super) store: &'a RocksStore,
    pub(super) view: SnapshotWithThreadMode<'a, DB>,
    /// How many bytes of rows may still be read of what is at hand; `None` when everything may be read.
    at_hand: Option<Cell<u64>>,
}

impl<'a> RocksSnapshot<'a> {
    pub(super) fn new(store: &'a RocksStore) -> Self {
        Self { store, view: store.db().snapshot(), at_hand: None }
    }

    pub(super) fn at_hand(store: &'a RocksStore, bytes: u64) -> Self {
        Self { at_hand: Some(Cell::new(bytes)), ..Self::new(store) }
    }

    pub(super) fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if self.at_hand.is_some() {
            options.set_read_tier(ReadTier::BlockCache);
            // Whoever drops the last iterator over an obsolete file deletes it, unless somebody else is asked to.
            options.set_background_purge_on_iterator_cleanup(true);
        }
        options
    }

    /// Whether so many bytes may be read; they are not counted yet.
    pub(super) fn allow(&self, bytes: u64) -> Result<(), Error> {
        if self.at_hand.as_ref().is_some_and(|left| left.get() < bytes) { Err(Error::NotAtHand) } else { Ok(()) }
    }

    /// Counts a row that is read. Its key counts too: many small rows take time as well.
    pub(super) fn spend(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let bytes = (key.len() + value.len()) as u64;
        self.allow(bytes)?;
        if let Some(left) = &self.at_hand {
            left.set(left.get() - bytes);
        }
        Ok(())
    }

    pub(super) fn row(&self, family: &'static str, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, Error> {
        let value = self.view.get_pinned_cf_opt(self.store.family(family)?, key, self.options());
        let value = value.map_err(|error| self.store.unreadable(family, error))?;
        self.spend(key, value.as_deref().unwrap_or_default())?;
        Ok(value)
    }

    pub(super) fn record<T: MlsDecode>(
        &self,
        family: &'static str,
        key: &[u8],
        what: &'static str,
    ) -> Result<Option<T>, Error> {
        self.row(family, key)?.map(|value| values::decode(&value, what)).transpose()
    }

    /// A record with that key; where there is none, the one that follows it under the prefix is read instead, and told
    /// to nobody.
    ///
    /// # Privacy
    /// That a key is not there shows mostly in a filter, in memory; a row that is there is read, if need be from the disk,
    /// and decoded. Whoever asks about people could tell by the time whether there is such a person. Rows that were
    /// removed, perhaps thousands at once, stay where they were until the database cleans up: a few of them are passed
    /// over, which takes about as long as a row.
    pub(super) fn record_or_next<T: MlsDecode>(
        &self,
        prefix: &[u8],
        key: &[u8],
        what: &'static str,
    ) -> Result<Option<T>, Error> {
        let mut options = self.options_under(prefix);
        options.set_max_skippable_internal_keys(REMOVED_MAX);
        let mut rows = self.view.raw_iterator_cf_opt(self.store.family(keys::STATE)?, options);
        rows.seek(key);
        let Some((row, value)) = rows.item() else {
            return match rows.status() {
                // The row itself would be the first; what may not touch a file ends in the same way.
                Err(error) if error.kind() == ErrorKind::Incomplete && self.at_hand.is_none() => Ok(None),
                status => status.map(|()| None).map_err(|error| self.store.unreadable(keys::STATE, error)),
            };
        };
        self.spend(row, value)?;
        let record = black_box(values::decode(value, what));
        if row == key { record.map(Some) } else { Ok(None) }
    }

    /// For an iterator over rows whose keys begin with `prefix`.
    pub(super) fn options_under(&self, prefix: &[u8]) -> ReadOptions {
        let mut options = self.options();
        if let Some(end) = keys::after_prefix(prefix) {
            options.set_iterate_upper_bound(end);
        }
        options
    }

    /// So many rows whose keys begin with `prefix`, from the first one behind the key `after` on.
    pub(super) fn rows_behind<N, T: MlsDecode>(
        &self,
        (family, prefix): (&'static str, &[u8]),
        after: Option<Vec<u8>>,
        limit: usize,
        (parse, what): (Parse<N>, &'static str),
    ) -> Result<Vec<Row<N, T>>, Error> {
        let mut rows = Vec::new();
        let start = start_behind(prefix, after);
        self.scan(family, prefix, &start, |key, value| {
            rows.push((parse(key).ok_or(Error::Corrupt(what))?, values::decode(value, what)));
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    /// Rows from `start` on whose keys begin with `prefix`, while `take` wants more.
    pub(super) fn scan(
        &self,
        family: &'static str,
        prefix: &[u8],
        start: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<bool, Error>,
    ) -> Result<(), Error> {
        let mut rows = self.view.raw_iterator_cf_opt(self.store.family(family)?, self.options_under(prefix));
        rows.seek(start);
        while let Some((key, value)) = rows.item() {
            self.spend(key, value)?;
            if !take(key, value)? {
                return Ok(());
            }
            rows.next();
        }
        // Without a row left, or with one that could not be read.
        rows.status().map_err(|error| self.store.unreadable(family, error))
    }
}

impl Snapshot for RocksSnapshot<'_> {
    fn group(&self, group: &GroupKey) -> Result<Option<Group>, Error> {
        self.record(keys::STATE, &keys::group(group), "group")
    }

    fn reservation(&self, group: &GroupKey) -> Result<Option<Reservation>, Error> {
        self.record(keys::STATE, &keys::reservation(group), "reservation")
    }

    fn partition(&self, group: &GroupKey, key: &MaskedPartitionKey) -> Result<Option<Partition>, Error> {
        self.record(keys::STATE, &keys::partition(group, key), "partition")
    }

    fn repeat(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        key: &RepeatKey,
    ) -> Result<Option<Receipt>, Error> {
        self.record(keys::REPEATS, &keys::repeat(group, partition, key), "receipt")
    }

    fn messages(&self, group: &GroupKey, partition: &MaskedPartitionKey, from: u32, bytes: u64) -> Result<Page, Error> {
        let mut page = Page::default();
        let mut total = 0_u64;
        let prefix = keys::partition_prefix(group, partition);
        self.scan(keys::MESSAGES, &prefix, &keys::message(group, partition, from), |key, value| {
            let index = keys::parse_message_index(key).ok_or(Error::Corrupt("message"))?;
            let entry = values::decode_entry(value)?;
            let attached = entry.commit.and_then(|commit| commit.group_info).map_or(0, |(_, length)| length);
            // Whoever reads the message reads its GroupInfo next.
            self.allow(attached.into())?;
            total += entry.message.len() as u64 + u64::from(attached);
            // Readers count on from the first index of a page. Behind what a restore has passed over a new page begins.
            let passes_over = page.entries.last().is_some_and(|(last, _)| last.checked_add(1) != Some(index));
            if (total > bytes && !page.entries.is_empty()) || passes_over {
                page.more = true;
                return Ok(false);
            }
            page.entries.push((index, entry));
            Ok(true)
        })?;
        Ok(page)
    }

    fn blob(&self, group: &GroupKey, key: &BlobKey) -> Result<Option<Bytes>, Error> {
        let value = self.row(keys::BLOBS, &keys::blob(group, key))?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn checkpoint(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Checkpoint>, Error> {
        let Some(state) = self.row(keys::PUBLIC, &public_keys::state(group, partition))? else { return Ok(None) };
        let state = Bytes::copy_from_slice(&state);
        let owners = self.owners(group, partition)?.ok_or(Error::Corrupt(OWNERS))?;
        Ok(Some(Checkpoint { state, owners }))
    }

    fn owners(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Owners>, Error> {
        self.record(keys::PUBLIC, &public_keys::owners(group, partition), OWNERS)
    }

    fn owner_changes(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<OwnerChanges>, Error> {
        self.record(keys::PUBLIC, &public_keys::owner_changes(group, partition), "owners' changes")
    }

    fn proposal(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        reference: &ProposalRef,
    ) -> Result<Option<u32>, Error> {
        self.record(keys::PUBLIC, &public_keys::proposal(group, partition, reference), "proposal")
    }

    fn budgets(&self, after: Option<&(ServiceProviderId, GroupKey)>, limit: usize) -> Result<Vec<BudgetRow>, Error> {
        let mut rows = Vec::new();
        let prefix = [keys::kind::BUDGET];
        let start = start_behind(&prefix, after.map(|(provider, group)| keys::budget(provider, group)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let (provider, group) = keys::parse_budget(key).ok_or(Error::Corrupt("budget"))?;
            rows.push((provider, group, values::decode(value, "budget")?));
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn budget(&self, provider: &ServiceProviderId, group: &GroupKey) -> Result<Usage, Error> {
        Ok(self.record(keys::STATE, &keys::budget(provider, group), "budget")?.unwrap_or_default())
    }

    fn due(&self, now: UnixMillis, limit: usize) -> Result<Vec<(GroupKey, Timer)>, Error> {
        let mut timers = Vec::new();
        let prefix = [keys::kind::TIMER];
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            let (group, timer) = keys::parse_timer(key).ok_or(Error::Corrupt("timer"))?;
            if timer.due_ms > now {
                return Ok(false);
            }
            timers.push((group, timer));
            Ok(timers.len() < limit)
        })?;
        Ok(timers)
    }

    fn announced(&self, partition: &MaskedPartitionKey, limit: usize) -> Result<Vec<GroupKey>, Error> {
        let mut groups = Vec::new();
        let prefix = keys::announced_prefix(partition);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            let group = key[prefix.len()..].try_into().map_err(|_| Error::Corrupt("announcement"))?;
            groups.push(GroupKey::new(group));
            Ok(groups.len() < limit)
        })?;
        Ok(groups)
    }

    fn heads(&self, group: &GroupKey, epoch: EpochNumber, limit: usize) -> Result<Vec<MaskedPartitionKey>, Error> {
        let mut heads = Vec::new();
        let prefix = keys::heads_of(group, epoch);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            heads.push(keys::parse_head(key).ok_or(Error::Corrupt("head"))?);
            Ok(heads.len() < limit)
        })?;
        Ok(heads)
    }

    fn highest_head(&self, group: &GroupKey) -> Result<Option<MaskedPartitionKey>, Error> {
        let prefix = keys::heads(group);
        let mut options = self.options();
        options.set_iterate_lower_bound(prefix.clone());
        let mut rows = self.view.raw_iterator_cf_opt(self.store.family(keys::STATE)?, options);
        rows.seek_for_prev(keys::head(group, EpochNumber(u64::MAX), &MaskedPartitionKey::new([0xff; 32])));
        if let Some((key, value)) = rows.item() {
            self.spend(key, value)?;
            return keys::parse_head(key).map(Some).ok_or(Error::Corrupt("head"));
        }
        rows.status().map_err(|error| self.store.unreadable(keys::STATE, error)).map(|()| None)
    }

    fn forked(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupKey>, Error> {
        let mut groups = Vec::new();
        let prefix = [keys::kind::FORKED];
        let start = start_behind(&prefix, after.map(keys::forked));
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            groups.push(keys::parse_group(key).ok_or(Error::Corrupt("list of forked groups"))?);
            Ok(groups.len() < limit)
        })?;
        Ok(groups)
    }

    fn groups(&self, prefix: &[u8], limit: usize) -> Result<Vec<(GroupKey, Group)>, Error> {
        let mut groups = Vec::new();
        let prefix = keys::groups(prefix);
        self.scan(keys::STATE, &prefix, &prefix, |key, value| {
            let group = keys::parse_group(key).ok_or(Error::Corrupt("group"))?;
            groups.push((group, values::decode(value, "group")?));
            Ok(groups.len() < limit)
        })?;
        Ok(groups)
    }

    fn partitions(
        &self,
        group: &GroupKey,
        prefix: &[u8],
        after: Option<&MaskedPartitionKey>,
        limit: usize,
    ) -> Result<Vec<(MaskedPartitionKey, Partition)>, Error> {
        let mut partitions = Vec::new();
        let prefix = keys::partitions(group, prefix);
        let start = start_behind(&prefix, after.map(|after| keys::partition(group, after)));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let partition = keys::parse_partition(key).ok_or(Error::Corrupt("partition"))?;
            partitions.push((partition, values::decode(value, "partition")?));
            Ok(partitions.len() < limit)
        })?;
        Ok(partitions)
    }

    fn presented(
        &self,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
        user: &UserTag,
    ) -> Result<Option<UnixMillis>, Error> {
        self.record(keys::PRESENTED, &keys::presented(group, partition, user), "presentation")
    }

    fn presenters(
        &self,
        group: &GroupKey,
        after: Option<&(MaskedPartitionKey, UserTag)>,
        limit: usize,
    ) -> Result<Vec<(MaskedPartitionKey, UserTag)>, Error> {
        let mut rows = Vec::new();
        let prefix = group.as_bytes().as_slice();
        let start = start_behind(prefix, after.map(|(partition, user)| keys::presented(group, partition, user)));
        self.scan(keys::PRESENTED, prefix, &start, |key, _value| {
            rows.push(push_keys::parse_presented(key).ok_or(Error::Corrupt("presentation"))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn bans(&self, after: Option<&BanKey>, limit: usize) -> Result<Vec<(BanKey, Ban)>, Error> {
        let mut bans = Vec::new();
        let prefix = [keys::kind::BAN];
        let start = start_behind(&prefix, after.map(arrangement_keys::ban));
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let name = arrangement_keys::parse_ban(key).ok_or(Error::Corrupt("ban"))?;
            bans.push((name, values::decode(value, "ban")?));
            Ok(bans.len() < limit)
        })?;
        Ok(bans)
    }

    fn heard_bans(&self) -> Result<Vec<(ServiceProviderId, HeardBans)>, Error> {
        let (mut heard, prefix) = (Vec::new(), [keys::kind::HEARD]);
        self.scan(keys::STATE, &prefix, &prefix, |key, value| {
            let hub = arrangement_keys::parse_heard(key).ok_or(Error::Corrupt("bans of a hub"))?;
            heard.push((hub, values::decode(value, "bans of a hub")?));
            Ok(true)
        })?;
        Ok(heard)
    }

    fn complaints(&self) -> Result<Vec<(ComplaintKey, Complaints)>, Error> {
        let (mut complaints, prefix) = (Vec::new(), [keys::kind::COMPLAINT]);
        self.scan(keys::STATE, &prefix, &prefix, |key, value| {
            let name = arrangement_keys::parse_complaint(key).ok_or(Error::Corrupt("complaints"))?;
            complaints.push((name, values::decode(value, "complaints")?));
            Ok(true)
        })?;
        Ok(complaints)
    }
}
