//! Everything that a command changes, as data.

use bytes::Bytes;

use super::{
    Account, Handle, InboxChanges, Item, LetterKey, Place, Reference, ReferenceKey, Stock, StockKey, TicketKey,
};
use crate::{
    sequencer::{UnixMillis, UserTag},
    wire::TokenHandle,
};

/// What a command changes. Rows are set, or removed where there is `None`.
///
/// # Privacy
/// `Debug` shows how many rows there are, and none.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Transition {
    /// Users.
    pub accounts: Vec<(UserTag, Account)>,
    /// Stocks.
    pub stocks: Vec<(StockKey, Option<Stock>)>,
    /// One-time KeyPackages of stocks, by their places.
    pub items: Vec<((StockKey, Place), Option<Item>)>,
    /// KeyPackages.
    pub packages: Vec<((StockKey, u32), Option<Bytes>)>,
    /// What is known of uploaded KeyPackages.
    pub references: Vec<(ReferenceKey, Option<Reference>)>,
    /// Handles.
    pub handles: Vec<((UserTag, TokenHandle), Option<Handle>)>,
    /// The period of all tokens.
    pub token_period: Option<u64>,
    /// Welcomes that wait.
    pub inbox: InboxChanges,
    /// When to look again.
    pub expiries: Vec<Expiry>,
    /// What was due and is done with.
    pub cleared_expiries: Vec<Expiry>,
}

impl std::fmt::Debug for Transition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = formatter.debug_struct("Transition");
        shown.field("accounts", &self.accounts.len()).field("stocks", &self.stocks.len());
        shown.field("items", &self.items.len()).field("packages", &self.packages.len());
        shown.field("references", &self.references.len()).field("handles", &self.handles.len());
        shown.field("letters", &self.inbox.letters.len());
        shown.finish_non_exhaustive()
    }
}

/// Something to look at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expiry {
    /// When.
    pub due_ms: UnixMillis,
    /// What.
    pub of: ExpiryOf,
}

/// What lapses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExpiryOf {
    /// KeyPackages of a stock.
    Stock(StockKey),
    /// The memory of an uploaded KeyPackage.
    Reference(ReferenceKey),
    /// A Welcome that waits for a client.
    Letter(LetterKey),
    /// A ticket of a hub.
    Ticket(TicketKey),
}

/// That an encapsulated request was answered: the same one again is a replay (RFC 9458 §6.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReplayMark {
    /// SHA-256 of key id and encapsulated key.
    pub digest: [u8; 32],
    /// From when on its date alone refuses it.
    pub expires_ms: UnixMillis,
}

/// When marks of answered requests expire that have expired: all of them are removed at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LapsedMarks {
    /// When the first of them expires.
    pub first_ms: UnixMillis,
    /// When the last of them expires.
    pub last_ms: UnixMillis,
}

impl std::fmt::Debug for ReplayMark {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ReplayMark").field("expires_ms", &self.expires_ms).finish_non_exhaustive()
    }
}
