//! Reading: point reads and bounded scans of one consistent view.

use std::{cell::Cell, hint::black_box};

use bytes::Bytes;
use mls_rs_codec::MlsDecode;
use rocksdb::{DB, DBPinnableSlice, ErrorKind, ReadOptions, ReadTier, SnapshotWithThreadMode};

use super::{
    RocksStore, arrangement_keys,
    engine::{OWNERS, WELCOMED},
    inbox_keys, keys, pool_keys, public_keys, push_keys, values,
};
use crate::{
    mls::{EpochNumber, ProposalRef},
    pool::{
        Account, Delivery, DeliveryKey, Expiry, Handle, HubShare, Item, LapsedMarks, Letter, LetterKey, Mailbox, Place,
        Reference, ReferenceKey, ReplayMark, Stock, StockKey, Ticket, TicketKey, Welcomed,
    },
    sequencer::{
        Ban, BanKey, BlobKey, Checkpoint, ComplaintKey, Complaints, Dispatch, DispatchKey, Followed, Group, GroupKey,
        HeardBans, Kept, Outgoing, OwnerChanges, Owners, Partition, Receipt, RepeatKey, Reservation, Timer, UnixMillis,
        Usage, UserTag, WelcomeName,
    },
    store::{AccountRow, BudgetRow, Error, OutgoingRow, Page, Snapshot},
    wire::{ClientId, MaskedPartitionKey, ServiceProviderId, TokenHandle, WelcomeData},
};

/// So many rows that were removed are passed over where nobody is to see whether a row is there.
const REMOVED_MAX: u64 = 8;

pub(super) struct RocksSnapshot<'a> {
    store: &'a RocksStore,
    view: SnapshotWithThreadMode<'a, DB>,
    /// How many bytes of rows may still be read of what is at hand; `None` when everything may be read.
    at_hand: Option<Cell<u64>>,
}

fn io(error: rocksdb::Error) -> Error {
    match error.kind() {
        // Only reads that may not touch a file end so.
        ErrorKind::Incomplete => Error::NotAtHand,
        _ => Error::Io(error.into_string()),
    }
}

impl<'a> RocksSnapshot<'a> {
    pub(super) fn new(store: &'a RocksStore) -> Self {
        Self { store, view: store.db().snapshot(), at_hand: None }
    }

    pub(super) fn at_hand(store: &'a RocksStore, bytes: u64) -> Self {
        Self { at_hand: Some(Cell::new(bytes)), ..Self::new(store) }
    }

    fn options(&self) -> ReadOptions {
        let mut options = ReadOptions::default();
        if self.at_hand.is_some() {
            options.set_read_tier(ReadTier::BlockCache);
            // Whoever drops the last iterator over an obsolete file deletes it, unless somebody else is asked to.
            options.set_background_purge_on_iterator_cleanup(true);
        }
        options
    }

    /// Whether so many bytes may be read; they are not counted yet.
    fn allow(&self, bytes: u64) -> Result<(), Error> {
        if self.at_hand.as_ref().is_some_and(|left| left.get() < bytes) { Err(Error::NotAtHand) } else { Ok(()) }
    }

    /// Counts a row that is read. Its key counts too: many small rows take time as well.
    fn spend(&self, key: &[u8], value: &[u8]) -> Result<(), Error> {
        let bytes = (key.len() + value.len()) as u64;
        self.allow(bytes)?;
        if let Some(left) = &self.at_hand {
            left.set(left.get() - bytes);
        }
        Ok(())
    }

    fn row(&self, family: &'static str, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>, Error> {
        let value = self.view.get_pinned_cf_opt(self.store.family(family)?, key, self.options()).map_err(io)?;
        self.spend(key, value.as_deref().unwrap_or_default())?;
        Ok(value)
    }

    fn record<T: MlsDecode>(&self, family: &'static str, key: &[u8], what: &'static str) -> Result<Option<T>, Error> {
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
    fn record_or_next<T: MlsDecode>(&self, prefix: &[u8], key: &[u8], what: &'static str) -> Result<Option<T>, Error> {
        let mut options = self.options_under(prefix);
        options.set_max_skippable_internal_keys(REMOVED_MAX);
        let mut rows = self.view.raw_iterator_cf_opt(self.store.family(keys::STATE)?, options);
        rows.seek(key);
        let Some((row, value)) = rows.item() else {
            return match rows.status() {
                // The row itself would be the first; what may not touch a file ends in the same way.
                Err(error) if error.kind() == ErrorKind::Incomplete && self.at_hand.is_none() => Ok(None),
                status => status.map(|()| None).map_err(io),
            };
        };
        self.spend(row, value)?;
        let record = black_box(values::decode(value, what));
        if row == key { record.map(Some) } else { Ok(None) }
    }

    /// For an iterator over rows whose keys begin with `prefix`.
    fn options_under(&self, prefix: &[u8]) -> ReadOptions {
        let mut options = self.options();
        if let Some(end) = keys::after_prefix(prefix) {
            options.set_iterate_upper_bound(end);
        }
        options
    }

    /// Rows from `start` on whose keys begin with `prefix`, while `take` wants more.
    fn scan(
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
        rows.status().map_err(io)
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
            if total > bytes && !page.entries.is_empty() {
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
        let start = after.map_or(prefix.to_vec(), |(provider, group)| {
            let mut key = keys::budget(provider, group);
            key.push(0);
            key
        });
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
        rows.status().map_err(io).map(|()| None)
    }

    fn forked(&self, after: Option<&GroupKey>, limit: usize) -> Result<Vec<GroupKey>, Error> {
        let mut groups = Vec::new();
        let prefix = [keys::kind::FORKED];
        let start = after.map_or(prefix.to_vec(), |group| [keys::forked(group).as_slice(), &[0]].concat());
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
        let start = after.map_or(prefix.clone(), |after| [keys::partition(group, after).as_slice(), &[0]].concat());
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
        let start = after.map_or(prefix.to_vec(), |(partition, user)| {
            let mut key = keys::presented(group, partition, user);
            key.push(0);
            key
        });
        self.scan(keys::PRESENTED, prefix, &start, |key, _value| {
            rows.push(push_keys::parse_presented(key).ok_or(Error::Corrupt("presentation"))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn subscribed(
        &self,
        provider: &ServiceProviderId,
        after: Option<&(GroupKey, MaskedPartitionKey)>,
        limit: usize,
    ) -> Result<Vec<(GroupKey, MaskedPartitionKey)>, Error> {
        let mut rows = Vec::new();
        let prefix = push_keys::subscribed_prefix(provider);
        let start = after.map_or(prefix.clone(), |(group, partition)| {
            let mut key = push_keys::subscribed(provider, group, partition);
            key.push(0);
            key
        });
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            rows.push(push_keys::parse_place(key).ok_or(Error::Corrupt("subscription"))?);
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn followed(&self, group: &GroupKey, partition: &MaskedPartitionKey) -> Result<Option<Followed>, Error> {
        self.record(keys::STATE, &push_keys::followed(group, partition), "followed partition")
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

    fn welcome(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<WelcomeData>, Error> {
        self.record(keys::OUTBOX, &keys::welcome(group, welcome), "Welcome")
    }

    fn outgoing(&self, group: &GroupKey, welcome: &WelcomeName) -> Result<Option<Outgoing>, Error> {
        self.record(keys::STATE, &keys::outgoing(group, welcome), "outgoing")
    }

    fn undelivered(&self, after: Option<&(GroupKey, WelcomeName)>, limit: usize) -> Result<Vec<OutgoingRow>, Error> {
        let mut rows = Vec::new();
        let prefix = [keys::kind::OUTGOING];
        let start = after.map_or(prefix.to_vec(), |(group, name)| {
            let mut key = keys::outgoing(group, name);
            key.push(0);
            key
        });
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let (group, name) = keys::parse_outgoing(key).ok_or(Error::Corrupt("outgoing"))?;
            rows.push((group, name, values::decode(value, "outgoing")?));
            Ok(rows.len() < limit)
        })?;
        Ok(rows)
    }

    fn addressee(&self, after: Option<&ServiceProviderId>) -> Result<Option<ServiceProviderId>, Error> {
        let mut found = None;
        let prefix = [keys::kind::DISPATCH];
        let behind = |provider| keys::after_prefix(&keys::dispatches(provider)).ok_or(Error::Corrupt("dispatch"));
        let start = after.map_or(Ok(prefix.to_vec()), behind)?;
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            found = Some(keys::parse_dispatch(key).ok_or(Error::Corrupt("dispatch"))?.1.provider);
            Ok(false)
        })?;
        Ok(found)
    }

    fn dispatches(&self, provider: &ServiceProviderId, limit: usize) -> Result<Vec<(GroupKey, DispatchKey)>, Error> {
        let mut dispatches = Vec::new();
        let prefix = keys::dispatches(provider);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            dispatches.push(keys::parse_dispatch(key).ok_or(Error::Corrupt("dispatch"))?);
            Ok(dispatches.len() < limit)
        })?;
        Ok(dispatches)
    }

    fn dispatch(&self, group: &GroupKey, key: &DispatchKey) -> Result<Option<Dispatch>, Error> {
        self.record(keys::STATE, &keys::dispatch(group, key), "dispatch")
    }

    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error> {
        self.record_or_next(&[keys::kind::ACCOUNT], &pool_keys::account(user), "account")
    }

    fn accounts(&self, after: Option<&UserTag>, limit: usize) -> Result<Vec<AccountRow>, Error> {
        let mut accounts = Vec::new();
        let prefix = [keys::kind::ACCOUNT];
        let start = after.map_or(prefix.to_vec(), |user| {
            let mut key = pool_keys::account(user);
            key.push(0);
            key
        });
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let user = pool_keys::parse_account(key).ok_or(Error::Corrupt("account"))?;
            accounts.push((user, values::decode(value, "account")));
            Ok(accounts.len() < limit)
        })?;
        Ok(accounts)
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error> {
        self.record(keys::STATE, &pool_keys::stock(key), "stock")
    }

    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Error> {
        let mut items = Vec::new();
        if limit == 0 {
            return Ok(items);
        }
        self.scan(keys::STATE, &pool_keys::items(key), &pool_keys::item(key, from), |row, value| {
            let item: Item = values::decode(value, "item")?;
            // The place is in both.
            if row != pool_keys::item(key, item.place()) {
                return Err(Error::Corrupt("item"));
            }
            items.push(item);
            Ok(items.len() < limit)
        })?;
        Ok(items)
    }

    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Error> {
        let family = self.store.family(keys::KEY_PACKAGES)?;
        let value = self.view.get_pinned_cf(family, pool_keys::package(key, number)).map_err(io)?;
        Ok(value.map(|value| Bytes::copy_from_slice(&value)))
    }

    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error> {
        self.record(keys::STATE, &pool_keys::reference(key), "reference")
    }

    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error> {
        self.record_or_next(&[keys::kind::HANDLE], &pool_keys::handle(user, handle), "handle")
    }

    fn handles(&self, user: &UserTag, limit: usize) -> Result<Vec<(TokenHandle, Handle)>, Error> {
        let mut handles = Vec::new();
        let prefix = pool_keys::handles(user);
        self.scan(keys::STATE, &prefix, &prefix, |key, value| {
            let handle = pool_keys::parse_handle(key).ok_or(Error::Corrupt("handle"))?;
            handles.push((handle, values::decode(value, "handle")?));
            Ok(handles.len() < limit)
        })?;
        Ok(handles)
    }

    fn token_period(&self) -> Result<u64, Error> {
        Ok(self.record(keys::STATE, &[keys::kind::PERIOD], "period of tokens")?.unwrap_or(0))
    }

    fn expiries(&self, now: UnixMillis, limit: usize) -> Result<Vec<Expiry>, Error> {
        let mut expiries = Vec::new();
        let prefix = [keys::kind::EXPIRY];
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            let expiry = pool_keys::parse_expiry(key).ok_or(Error::Corrupt("expiry"))?;
            if expiry.due_ms > now {
                return Ok(false);
            }
            expiries.push(expiry);
            Ok(expiries.len() < limit)
        })?;
        Ok(expiries)
    }

    fn marks_lapsed(&self) -> Result<UnixMillis, Error> {
        Ok(self.record(keys::STATE, &[keys::kind::LAPSED], "end of marks")?.unwrap_or(0))
    }

    fn lapsed_marks(&self, now: UnixMillis) -> Result<Option<LapsedMarks>, Error> {
        let expiry_of =
            |key: &[u8]| pool_keys::parse_mark(key).map(|mark| mark.expires_ms).ok_or(Error::Corrupt("replay mark"));
        let (mut first, prefix) = (None, [keys::kind::MARK]);
        self.scan(keys::STATE, &prefix, &prefix, |key, _value| {
            first = Some(expiry_of(key)?);
            Ok(false)
        })?;
        let Some(first_ms) = first.filter(|first| *first <= now) else { return Ok(None) };
        let mut options = self.options();
        options.set_iterate_lower_bound(prefix);
        let mut rows = self.view.raw_iterator_cf_opt(self.store.family(keys::STATE)?, options);
        let latest = ReplayMark { digest: [0xff; 32], expires_ms: now };
        rows.seek_for_prev(pool_keys::mark(&latest));
        let Some((key, value)) = rows.item() else { return rows.status().map_err(io).map(|()| None) };
        self.spend(key, value)?;
        Ok(Some(LapsedMarks { first_ms, last_ms: expiry_of(key)? }))
    }

    fn replay_marks(&self, after: Option<&ReplayMark>, limit: usize) -> Result<Vec<ReplayMark>, Error> {
        let mut marks = Vec::new();
        let prefix = [keys::kind::MARK];
        let start = after.map_or(prefix.to_vec(), |mark| {
            let mut key = pool_keys::mark(mark);
            key.push(0);
            key
        });
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            marks.push(pool_keys::parse_mark(key).ok_or(Error::Corrupt("replay mark"))?);
            Ok(marks.len() < limit)
        })?;
        Ok(marks)
    }

    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Error> {
        self.record(keys::STATE, &inbox_keys::ticket(key), "ticket")
    }

    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Error> {
        self.record(keys::STATE, &inbox_keys::welcomed(key), WELCOMED)
    }

    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error> {
        self.record(keys::STATE, &inbox_keys::delivery(key), "delivery")
    }

    fn content(&self, key: &DeliveryKey, bytes: u32) -> Result<Option<Bytes>, Error> {
        // Before megabytes are copied for somebody who may not wait for them.
        self.allow(bytes.into())?;
        let Some(value) = self.row(keys::INBOX, &key.0)? else { return Ok(None) };
        if value.len() as u64 != u64::from(bytes) {
            return Err(Error::Corrupt("delivery"));
        }
        Ok(Some(Bytes::copy_from_slice(&value)))
    }

    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Error> {
        self.record(keys::STATE, &inbox_keys::letter(key), "letter")
    }

    fn letters(
        &self,
        user: &UserTag,
        client: &ClientId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(LetterKey, Letter)>, Error> {
        let mut letters = Vec::new();
        let Some(number) = after.checked_add(1).filter(|_| limit > 0) else { return Ok(letters) };
        let prefix = inbox_keys::letters(user, client);
        let start = inbox_keys::letter(&LetterKey { user: *user, client: *client, number });
        self.scan(keys::STATE, &prefix, &start, |key, value| {
            let name = key.get(1..).and_then(inbox_keys::parse_letter_name).ok_or(Error::Corrupt("letter"))?;
            letters.push((name, values::decode(value, "letter")?));
            Ok(letters.len() < limit)
        })?;
        Ok(letters)
    }

    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Error> {
        self.record(keys::STATE, &inbox_keys::mailbox(user), "mailbox")
    }

    fn bans(&self, after: Option<&BanKey>, limit: usize) -> Result<Vec<(BanKey, Ban)>, Error> {
        let mut bans = Vec::new();
        let prefix = [keys::kind::BAN];
        let start = after.map_or(prefix.to_vec(), |ban| {
            let mut key = arrangement_keys::ban(ban);
            key.push(0);
            key
        });
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

    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Error> {
        Ok(self.record(keys::STATE, &inbox_keys::hub_share(hub), "hub's share")?.unwrap_or_default())
    }
}
