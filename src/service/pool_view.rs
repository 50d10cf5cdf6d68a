//! Users and their KeyPackages as the pool sees them: what the batch at hand has changed, then the store.

use bytes::Bytes;

use crate::{
    pool::{Account, Handle, Reference, ReferenceKey, State, Stock, StockKey},
    sequencer::UserTag,
    store::{Error, PoolBatch, Snapshot},
    wire::TokenHandle,
};

/// The state in the middle of a batch; with an empty batch, the durable state.
pub(super) struct PoolView<'a> {
    pub(super) batch: &'a PoolBatch,
    pub(super) snapshot: &'a dyn Snapshot,
}

impl State for PoolView<'_> {
    type Error = Error;

    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error> {
        match self.batch.accounts.get(user) {
            Some(account) => Ok(Some(account.clone())),
            None => self.snapshot.account(user),
        }
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error> {
        match self.batch.stocks.get(key) {
            Some(stock) => Ok(stock.clone()),
            None => self.snapshot.stock(key),
        }
    }

    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Error> {
        match self.batch.packages.get(&(*key, number)) {
            Some(package) => Ok(package.clone()),
            None => self.snapshot.package(key, number),
        }
    }

    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error> {
        match self.batch.references.get(key) {
            Some(reference) => Ok(*reference),
            None => self.snapshot.reference(key),
        }
    }

    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error> {
        match self.batch.handles.get(&(*user, *handle)) {
            Some(record) => Ok(Some(*record)),
            None => self.snapshot.handle(user, handle),
        }
    }

    fn token_period(&self) -> Result<u64, Error> {
        self.batch.token_period.map_or_else(|| self.snapshot.token_period(), Ok)
    }

    fn missing(&self, what: &'static str) -> Error {
        Error::Corrupt(what)
    }
}
