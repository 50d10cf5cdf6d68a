//! Reading what belongs to users: KeyPackages, tokens, and marks of answered requests.

use bytes::Bytes;

use super::{
    keys, pool_keys,
    snapshot::{RocksSnapshot, start_behind},
    values,
};
use crate::{
    pool::{Account, Expiry, Handle, Item, LapsedMarks, Place, Reference, ReferenceKey, ReplayMark, Stock, StockKey},
    sequencer::{UnixMillis, UserTag},
    store::{AccountRow, Error, PoolReads},
    wire::TokenHandle,
};

impl PoolReads for RocksSnapshot<'_> {
    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error> {
        self.record_or_next(&[keys::kind::ACCOUNT], &pool_keys::account(user), "account")
    }

    fn accounts(&self, after: Option<&UserTag>, limit: usize) -> Result<Vec<AccountRow>, Error> {
        let (prefix, after) = ([keys::kind::ACCOUNT], after.map(pool_keys::account));
        self.rows_behind((keys::STATE, &prefix), after, limit, (pool_keys::parse_account, "account"))
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
        let value = self.view.get_pinned_cf(family, pool_keys::package(key, number));
        let value = value.map_err(|error| self.store.unreadable(keys::KEY_PACKAGES, error))?;
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
        let Some((key, value)) = rows.item() else {
            return rows.status().map_err(|error| self.store.unreadable(keys::STATE, error)).map(|()| None);
        };
        self.spend(key, value)?;
        Ok(Some(LapsedMarks { first_ms, last_ms: expiry_of(key)? }))
    }

    fn replay_marks(&self, after: Option<&ReplayMark>, limit: usize) -> Result<Vec<ReplayMark>, Error> {
        let mut marks = Vec::new();
        let prefix = [keys::kind::MARK];
        let start = start_behind(&prefix, after.map(pool_keys::mark));
        self.scan(keys::STATE, &prefix, &start, |key, _value| {
            marks.push(pool_keys::parse_mark(key).ok_or(Error::Corrupt("replay mark"))?);
            Ok(marks.len() < limit)
        })?;
        Ok(marks)
    }
}
