//! What the commands read.

use bytes::Bytes;

use super::{Account, Handle, Item, Place, Reference, ReferenceKey, Stock, StockKey};
use crate::{sequencer::UserTag, wire::TokenHandle};

/// What is known of users and their KeyPackages, with the changes of everything that was decided before.
#[allow(clippy::missing_errors_doc, reason = "every read fails when the store cannot read")]
pub trait State {
    /// Why something cannot be read.
    type Error;

    /// A user.
    fn account(&self, user: &UserTag) -> Result<Option<Account>, Self::Error>;

    /// A stock.
    fn stock(&self, key: &StockKey) -> Result<Option<Stock>, Self::Error>;

    /// The one-time KeyPackages of a stock from that place on, in order, at most `limit`.
    fn items(&self, key: &StockKey, from: Place, limit: usize) -> Result<Vec<Item>, Self::Error>;

    /// A KeyPackage of a stock.
    fn package(&self, key: &StockKey, number: u32) -> Result<Option<Bytes>, Self::Error>;

    /// An uploaded KeyPackage.
    fn reference(&self, key: &ReferenceKey) -> Result<Option<Reference>, Self::Error>;

    /// A handle of a user.
    fn handle(&self, user: &UserTag, handle: &TokenHandle) -> Result<Option<Handle>, Self::Error>;

    /// All handles of a user, as many as a policy ever allowed.
    fn handles(&self, user: &UserTag) -> Result<Vec<(TokenHandle, Handle)>, Self::Error>;

    /// The period of tokens, raised to revoke all of them.
    fn token_period(&self) -> Result<u64, Self::Error>;

    /// That something should be there and is not.
    fn missing(&self, what: &'static str) -> Self::Error;
}
