//! The part of a batch that concerns KeyPackages, tokens and Welcomes that wait.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::InboxBatch;
use crate::{
    pool::{
        Account, Expiry, Handle, Item, LapsedMarks, Place, Reference, ReferenceKey, ReplayMark, Stock, StockKey,
        Transition,
    },
    sequencer::{UnixMillis, UserTag},
    wire::TokenHandle,
};

/// Transitions merged in order: the last record of a row is the one that is written, `None` removes it.
///
/// # Privacy
/// `Debug` shows how many rows there are, and none.
#[derive(Clone, Default)]
pub struct PoolBatch {
    /// Users.
    pub accounts: HashMap<UserTag, Account>,
    /// Stocks.
    pub stocks: HashMap<StockKey, Option<Stock>>,
    /// One-time KeyPackages of stocks, by their places.
    pub items: HashMap<StockKey, BTreeMap<Place, Option<Item>>>,
    /// KeyPackages.
    pub packages: HashMap<(StockKey, u32), Option<Bytes>>,
    /// What is known of uploaded KeyPackages.
    pub references: HashMap<ReferenceKey, Option<Reference>>,
    /// Handles.
    pub handles: HashMap<(UserTag, TokenHandle), Option<Handle>>,
    /// The period of all tokens.
    pub token_period: Option<u64>,
    /// Welcomes that wait.
    pub inbox: InboxBatch,
    /// What lapses, whether it is still to be looked at.
    pub expiries: HashMap<Expiry, bool>,
    /// Requests that were answered with KeyPackages.
    pub marks: Vec<ReplayMark>,
    /// Marks that have lapsed: whatever expires between the first and the last, both included, is removed.
    pub lapsed_marks: Vec<LapsedMarks>,
    /// Up to when marks have lapsed: the database has forgotten requests whose marks would have lapsed by then.
    pub marks_lapsed_ms: Option<UnixMillis>,
}

impl PoolBatch {
    /// Adds what a command changed.
    pub fn push(&mut self, transition: Transition) {
        self.accounts.extend(transition.accounts);
        self.stocks.extend(transition.stocks);
        for ((key, place), item) in transition.items {
            self.items.entry(key).or_default().insert(place, item);
        }
        self.packages.extend(transition.packages);
        self.references.extend(transition.references);
        self.handles.extend(transition.handles);
        self.inbox.push(transition.inbox);
        self.token_period = transition.token_period.or(self.token_period);
        // What is due anew, at the same time as before, stays due.
        self.expiries.extend(transition.cleared_expiries.into_iter().map(|expiry| (expiry, false)));
        self.expiries.extend(transition.expiries.into_iter().map(|expiry| (expiry, true)));
    }

    /// Adds what came after, as a whole.
    pub fn absorb(&mut self, later: Self) {
        self.accounts.extend(later.accounts);
        self.stocks.extend(later.stocks);
        for (key, items) in later.items {
            self.items.entry(key).or_default().extend(items);
        }
        self.packages.extend(later.packages);
        self.references.extend(later.references);
        self.handles.extend(later.handles);
        self.inbox.absorb(later.inbox);
        self.token_period = later.token_period.or(self.token_period);
        self.expiries.extend(later.expiries);
        self.marks.extend(later.marks);
        self.lapsed_marks.extend(later.lapsed_marks);
        self.marks_lapsed_ms = later.marks_lapsed_ms.max(self.marks_lapsed_ms);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
            && self.stocks.is_empty()
            && self.items.is_empty()
            && self.packages.is_empty()
            && self.references.is_empty()
            && self.handles.is_empty()
            && self.inbox.is_empty()
            && self.token_period.is_none()
            && self.expiries.is_empty()
            && self.marks.is_empty()
            && self.lapsed_marks.is_empty()
            && self.marks_lapsed_ms.is_none()
    }
}

impl std::fmt::Debug for PoolBatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("PoolBatch");
        shown.field("accounts", &self.accounts.len()).field("stocks", &self.stocks.len());
        shown.field("packages", &self.packages.len()).field("references", &self.references.len());
        shown.field("handles", &self.handles.len()).field("marks", &self.marks.len());
        shown.field("letters", &self.inbox.letters.len());
        shown.finish_non_exhaustive()
    }
}
