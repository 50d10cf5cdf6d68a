//! Reading what belongs to users: KeyPackages, tokens, and marks of answered requests.

use crate::{
    pool::{Account, Expiry, Handle, Item, LapsedMarks, Place, Reference, ReferenceKey, ReplayMark, Stock, StockKey},
    sequencer::{UnixMillis, UserTag},
    store::{AccountRow, Error},
    wire::TokenHandle,
};

/// Reads of a [`super::Snapshot`].
///
/// # Errors
/// As there, for all of them.
#[allow(clippy::missing_errors_doc, reason = "said once, above, for all of them")]
pub trait PoolReads {
    /// A user who may be asked for.
    ///
    /// # Privacy
    /// Takes as long for somebody who is not there, so that the time tells nobody who is.
    fn account(&self, user: &UserTag) -> Result<Option<Account>, Error>;

    /// Users who may be asked for, in order, at most `limit` after `after`. One that cannot be read is an error in its
    /// place, and those behind it are listed.
    fn accounts(&self, after: Option<&UserTag>, limit: usize) -> Result<Vec<AccountRow>, Error>;

    /// A stock of KeyPackages.
    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Error>;

    /// The one-time KeyPackages of a stock from that place on, in order, at most `limit`.
    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Error>;

    /// A KeyPackage of a stock.
    fn package(&self, key: &StockKey, number: u32) -> Result<Option<bytes::Bytes>, Error>;

    /// What is known of an uploaded KeyPackage.
    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Error>;

    /// A handle of a user's tokens.
    ///
    /// # Privacy
    /// As [`PoolReads::account`].
    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Error>;

    /// All handles of a user, in order, at most `limit`.
    fn handles(&self, user: &UserTag, limit: usize) -> Result<Vec<(TokenHandle, Handle)>, Error>;

    /// The period of all tokens; 0 at first.
    fn token_period(&self) -> Result<u64, Error>;

    /// What lapses by `now`, earliest first.
    fn expiries(&self, now: UnixMillis, limit: usize) -> Result<Vec<Expiry>, Error>;

    /// Up to when marks of answered requests have lapsed and been removed; 0 at first.
    fn marks_lapsed(&self) -> Result<UnixMillis, Error>;

    /// When the first and the last of the marks of answered requests expire that have expired by `now`, if there are some.
    fn lapsed_marks(&self, now: UnixMillis) -> Result<Option<LapsedMarks>, Error>;

    /// Marks of answered requests in the order in which they lapse, at most `limit` after `after`.
    fn replay_marks(&self, after: Option<&ReplayMark>, limit: usize) -> Result<Vec<ReplayMark>, Error>;
}
