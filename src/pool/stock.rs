//! The KeyPackages of one client, version and suite.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::ReferenceKey;
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    sequencer::{UnixMillis, UserTag},
    wire::ClientId,
};

/// Which stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct StockKey {
    /// Whose.
    pub user: UserTag,
    /// On which of the user's devices.
    pub client: ClientId,
    /// For which version of MLS.
    pub version: ProtocolVersion,
    /// For which suite.
    pub cipher_suite: CipherSuite,
}

/// What a fetch has to know of what is there.
///
/// # Correctness
/// It has one size, however much waits: somebody who asks for a user with many clients has all of their stocks read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Stock {
    /// The number of the next KeyPackage that is stored. Numbers are not used again while the stock is there.
    pub next_number: u32,
    /// How many one-time KeyPackages there are, expired ones included until they are removed.
    pub items: u32,
    /// The one of them whose place is first.
    pub first: Option<Item>,
    /// Handed out when nothing else may be, and never used up.
    pub last_resort: Option<LastResort>,
}

/// A KeyPackage that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Item {
    /// Where its bytes are kept.
    pub number: u32,
    /// Under which name a Welcome will refer to it.
    pub reference: ReferenceKey,
    /// Its length in bytes.
    pub length: u32,
    /// When it expires: the end of its lifetime (RFC 9420 §7.2).
    pub expires_ms: UnixMillis,
}

/// Where a one-time KeyPackage stands in its stock: what expires first is handed out first, and of equals what was
/// uploaded first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// When it expires.
    pub expires_ms: UnixMillis,
    /// Its number.
    pub number: u32,
}

/// The last-resort KeyPackage of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct LastResort {
    /// The KeyPackage.
    pub item: Item,
    /// How often it was handed out.
    pub uses: u32,
    /// On which day it was handed out last; 0 when never.
    pub last_used_ms: UnixMillis,
}

impl Place {
    /// Before every other.
    pub const FIRST: Self = Self { expires_ms: 0, number: 0 };

    /// Before everything that expires later than that.
    pub(super) fn unexpired(now: UnixMillis) -> Self {
        Self { expires_ms: now.saturating_add(1), number: 0 }
    }

    /// The next place.
    pub(super) fn next(self) -> Self {
        match self.number.checked_add(1) {
            Some(number) => Self { number, ..self },
            None => Self::unexpired(self.expires_ms),
        }
    }
}

impl Item {
    /// Where it stands among the one-time KeyPackages of its stock.
    pub fn place(&self) -> Place {
        Place { expires_ms: self.expires_ms, number: self.number }
    }
}

impl Stock {
    /// The last-resort KeyPackage, if it has not expired.
    pub(super) fn spare(&self, now: UnixMillis) -> Option<&LastResort> {
        self.last_resort.as_ref().filter(|spare| spare.item.expires_ms > now)
    }

    /// When the next KeyPackage of this stock expires.
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        let spare = self.last_resort.iter().map(|spare| spare.item.expires_ms);
        self.first.iter().map(|item| item.expires_ms).chain(spare).min()
    }

    /// Whether nothing waits here.
    pub(super) fn is_empty(&self) -> bool {
        self.first.is_none() && self.last_resort.is_none()
    }

    /// Counts one more one-time KeyPackage.
    pub(super) fn add(&mut self, item: Item) {
        self.items = self.items.saturating_add(1);
        self.first = self.first.filter(|first| first.place() < item.place()).or(Some(item));
    }

    /// The number for one more KeyPackage; `None` when all have been used.
    pub(super) fn number(&mut self) -> Option<u32> {
        let number = self.next_number;
        self.next_number = number.checked_add(1)?;
        Some(number)
    }
}
