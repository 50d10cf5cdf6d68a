//! Users and their KeyPackages as the pool sees them: what the batch at hand has changed, then the store.

use bytes::Bytes;

use crate::{
    pool::{Account, Handle, Reference, ReferenceKey, State, Stock, StockKey},
    sequencer::UserTag,
    store::{Error, PoolBatch, Snapshot},
    wire::TokenHandle,
};

/// The state in the middle of a batch; without any, the durable state.
pub(super) struct PoolView<'a> {
    /// What was changed and not written yet, the latest first.
    pub(super) changes: &'a [&'a PoolBatch],
    pub(super) snapshot: &'a dyn Snapshot,
}

impl PoolView<'_> {
    fn changed<T>(&self, row: impl Fn(&PoolBatch) -> Option<T>) -> Option<T> {
        self.changes.iter().find_map(|batch| row(batch))
    }
}

impl State for PoolView<'_> {
    type Error = Error;

    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error> {
        match self.changed(|batch| batch.accounts.get(user).cloned()) {
            Some(account) => Ok(Some(account)),
            None => self.snapshot.account(user),
        }
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error> {
        match self.changed(|batch| batch.stocks.get(key).cloned()) {
            Some(stock) => Ok(stock),
            None => self.snapshot.stock(key),
        }
    }

    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Error> {
        match self.changed(|batch| batch.packages.get(&(*key, number)).cloned()) {
            Some(package) => Ok(package),
            None => self.snapshot.package(key, number),
        }
    }

    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error> {
        match self.changed(|batch| batch.references.get(key).copied()) {
            Some(reference) => Ok(reference),
            None => self.snapshot.reference(key),
        }
    }

    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error> {
        match self.changed(|batch| batch.handles.get(&(*user, *handle)).copied()) {
            Some(record) => Ok(record),
            None => self.snapshot.handle(user, handle),
        }
    }

    fn handles(&self, user: &UserTag) -> Result<Vec<TokenHandle>, Error> {
        let mut handles: Vec<TokenHandle> =
            self.snapshot.handles(user, usize::MAX)?.into_iter().map(|(handle, _)| handle).collect();
        for ((owner, handle), record) in self.changes.iter().rev().flat_map(|batch| &batch.handles) {
            if owner == user {
                handles.retain(|known| known != handle);
                handles.extend(record.map(|_| *handle));
            }
        }
        Ok(handles)
    }

    fn token_period(&self) -> Result<u64, Error> {
        self.changed(|batch| batch.token_period).map_or_else(|| self.snapshot.token_period(), Ok)
    }

    fn missing(&self, what: &'static str) -> Error {
        Error::Corrupt(what)
    }
}
