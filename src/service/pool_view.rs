//! Users and their KeyPackages as the pool sees them: what the batch at hand has changed, then the store.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap},
};

use bytes::Bytes;

use crate::{
    pool::{
        Account, Delivery, DeliveryKey, Handle, HubShare, InboxState, Item, Letter, LetterKey, Mailbox, Place,
        Reference, ReferenceKey, State, Stock, StockKey, Ticket, TicketKey, Welcomed,
    },
    sequencer::UserTag,
    store::{Error, PoolBatch, Snapshot},
    wire::{ServiceProviderId, TokenHandle},
};

/// The state in the middle of a batch; without any, the durable state.
pub(super) struct PoolView<'a> {
    /// What was changed and not written yet, the latest first.
    changes: &'a [&'a PoolBatch],
    snapshot: &'a dyn Snapshot,
    rows: Cell<usize>,
}

impl<'a> PoolView<'a> {
    pub(super) fn new(changes: &'a [&'a PoolBatch], snapshot: &'a dyn Snapshot) -> Self {
        Self { changes, snapshot, rows: Cell::new(0) }
    }

    /// How many rows were asked for so far.
    pub(super) fn rows(&self) -> usize {
        self.rows.get()
    }

    fn count(&self, rows: usize) {
        self.rows.set(self.rows.get() + rows);
    }

    fn changed<T>(&self, row: impl Fn(&PoolBatch) -> Option<T>) -> Option<T> {
        self.changes.iter().find_map(|batch| row(batch))
    }
}

impl State for PoolView<'_> {
    type Error = Error;

    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error> {
        self.count(1);
        match self.changed(|batch| batch.accounts.get(user).cloned()) {
            Some(account) => Ok(Some(account)),
            None => self.snapshot.account(user),
        }
    }

    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error> {
        self.count(1);
        match self.changed(|batch| batch.stocks.get(key).copied()) {
            Some(stock) => Ok(stock),
            None => self.snapshot.stock(key),
        }
    }

    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Error> {
        let changes = self.changes.iter().rev().filter_map(|batch| batch.items.get(key));
        let changed: BTreeMap<Place, Option<Item>> =
            changes.flat_map(|items| items.range(from..)).map(|(place, item)| (*place, *item)).collect();
        // As many more as have changed: even if all of those are gone, there are enough.
        let stored = self.snapshot.items(key, from, limit.saturating_add(changed.len()))?;
        self.count(1 + stored.len() + changed.len());
        if changed.is_empty() {
            return Ok(stored);
        }
        let mut items: BTreeMap<Place, Option<Item>> =
            stored.into_iter().map(|item| (item.place(), Some(item))).collect();
        items.extend(changed);
        Ok(items.into_values().flatten().take(limit).collect())
    }

    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Error> {
        self.count(1);
        match self.changed(|batch| batch.packages.get(&(*key, number)).cloned()) {
            Some(package) => Ok(package),
            None => self.snapshot.package(key, number),
        }
    }

    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error> {
        self.count(1);
        match self.changed(|batch| batch.references.get(key).copied()) {
            Some(reference) => Ok(reference),
            None => self.snapshot.reference(key),
        }
    }

    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error> {
        self.count(1);
        match self.changed(|batch| batch.handles.get(&(*user, *handle)).copied()) {
            Some(record) => Ok(record),
            None => self.snapshot.handle(user, handle),
        }
    }

    fn handles(&self, user: &UserTag) -> Result<Vec<(TokenHandle, Handle)>, Error> {
        let stored = self.snapshot.handles(user, usize::MAX)?;
        self.count(1 + stored.len());
        let mut handles: HashMap<TokenHandle, Handle> = stored.into_iter().collect();
        for ((owner, handle), record) in self.changes.iter().rev().flat_map(|batch| &batch.handles) {
            match record {
                _ if owner != user => {}
                Some(record) => drop(handles.insert(*handle, *record)),
                None => drop(handles.remove(handle)),
            }
        }
        Ok(handles.into_iter().collect())
    }

    fn token_period(&self) -> Result<u64, Error> {
        self.count(1);
        self.changed(|batch| batch.token_period).map_or_else(|| self.snapshot.token_period(), Ok)
    }

    fn missing(&self, what: &'static str) -> Error {
        Error::Corrupt(what)
    }
}

impl InboxState for PoolView<'_> {
    fn ticket(&self, key: &TicketKey) -> Result<Option<Ticket>, Error> {
        self.count(1);
        self.changed(|batch| batch.inbox.tickets.get(key).cloned()).map_or_else(|| self.snapshot.ticket(key), Ok)
    }

    fn welcomed(&self, key: &ReferenceKey) -> Result<Option<Welcomed>, Error> {
        self.count(1);
        self.changed(|batch| batch.inbox.welcomed.get(key).cloned()).map_or_else(|| self.snapshot.welcomed(key), Ok)
    }

    fn delivery(&self, key: &DeliveryKey) -> Result<Option<Delivery>, Error> {
        self.count(1);
        self.changed(|batch| batch.inbox.deliveries.get(key).cloned()).map_or_else(|| self.snapshot.delivery(key), Ok)
    }

    fn letter(&self, key: &LetterKey) -> Result<Option<Letter>, Error> {
        self.count(1);
        self.changed(|batch| batch.inbox.letters.get(key).cloned()).map_or_else(|| self.snapshot.letter(key), Ok)
    }

    fn mailbox(&self, user: &UserTag) -> Result<Option<Mailbox>, Error> {
        self.count(1);
        let changed = self.changed(|batch| batch.inbox.mailboxes.get(user).cloned());
        changed.map_or_else(|| self.snapshot.mailbox(user), Ok)
    }

    fn hub_share(&self, hub: Option<&ServiceProviderId>) -> Result<HubShare, Error> {
        self.count(1);
        let hub_or_all = hub.cloned();
        self.changed(|batch| batch.inbox.shares.get(&hub_or_all).copied())
            .map_or_else(|| self.snapshot.hub_share(hub), Ok)
    }
}
