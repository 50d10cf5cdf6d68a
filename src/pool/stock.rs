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

/// What is there, without the KeyPackages themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Stock {
    /// The number of the next KeyPackage that is stored. Numbers are never used again.
    pub next_number: u32,
    /// One-time KeyPackages, in the order of their upload.
    pub items: Vec<Item>,
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

/// The last-resort KeyPackage of a stock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct LastResort {
    /// The KeyPackage.
    pub item: Item,
    /// How often it was handed out.
    pub uses: u32,
    /// When it was handed out last; 0 when never.
    pub last_used_ms: UnixMillis,
}

impl Stock {
    /// The first one-time KeyPackage that has not expired.
    pub(super) fn first(&self, now: UnixMillis) -> Option<&Item> {
        self.items.iter().find(|item| item.expires_ms > now)
    }

    /// The last-resort KeyPackage, if it has not expired.
    pub(super) fn spare(&self, now: UnixMillis) -> Option<&LastResort> {
        self.last_resort.as_ref().filter(|spare| spare.item.expires_ms > now)
    }

    /// When the next KeyPackage of this stock expires.
    pub(super) fn next_expiry(&self) -> Option<UnixMillis> {
        let spare = self.last_resort.iter().map(|spare| spare.item.expires_ms);
        self.items.iter().map(|item| item.expires_ms).chain(spare).min()
    }

    /// The number for one more KeyPackage; `None` when all have been used.
    pub(super) fn number(&mut self) -> Option<u32> {
        let number = self.next_number;
        self.next_number = number.checked_add(1)?;
        Some(number)
    }
}
