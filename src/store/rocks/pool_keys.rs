//! Keys of the rows that concern KeyPackages and tokens.

use super::{inbox_keys, keys::kind};
use crate::{
    mls::{CipherSuite, ProtocolVersion},
    pool::{Expiry, ExpiryOf, Place, ReferenceKey, ReplayMark, StockKey, TicketKey},
    sequencer::{UnixMillis, UserTag},
    wire::{ClientId, TokenHandle},
};

/// The one version of MLS, as it stands in keys.
const MLS10: [u8; 2] = 1_u16.to_be_bytes();

/// The bytes of a stock's name: user, client, version, suite.
pub(super) const STOCK: usize = 16 + 16 + 2 + 2;

/// Second part of an expiry's key.
const OF_STOCK: u8 = 0;
const OF_REFERENCE: u8 = 1;
const OF_LETTER: u8 = 2;
const OF_TICKET: u8 = 3;

pub(super) fn account(user: &UserTag) -> Vec<u8> {
    [&[kind::ACCOUNT], user.0.as_slice()].concat()
}

/// The user of an account's key.
pub(super) fn parse_account(key: &[u8]) -> Option<UserTag> {
    key.get(1..)?.try_into().ok().map(UserTag)
}

fn stock_name(key: &StockKey) -> Vec<u8> {
    [&key.user.0, key.client.as_bytes().as_slice(), &MLS10, &key.cipher_suite.0.to_be_bytes()].concat()
}

fn parse_stock_name(name: &[u8]) -> Option<StockKey> {
    let (user, rest) = name.split_first_chunk::<16>()?;
    let (client, rest) = rest.split_first_chunk::<16>()?;
    let suite = u16::from_be_bytes(rest.strip_prefix(&MLS10)?.try_into().ok()?);
    Some(StockKey {
        user: UserTag(*user),
        client: ClientId::new(*client),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite),
    })
}

pub(super) fn stock(key: &StockKey) -> Vec<u8> {
    [[kind::STOCK].as_slice(), &stock_name(key)].concat()
}

/// The prefix of all one-time KeyPackages of a stock.
pub(super) fn items(key: &StockKey) -> Vec<u8> {
    [[kind::ITEM].as_slice(), &stock_name(key)].concat()
}

pub(super) fn item(key: &StockKey, place: Place) -> Vec<u8> {
    [items(key).as_slice(), &place.expires_ms.to_be_bytes(), &place.number.to_be_bytes()].concat()
}

pub(super) fn package(key: &StockKey, number: u32) -> Vec<u8> {
    [stock_name(key).as_slice(), &number.to_be_bytes()].concat()
}

pub(super) fn reference(key: &ReferenceKey) -> Vec<u8> {
    [&[kind::REFERENCE], key.0.as_slice()].concat()
}

pub(super) fn handle(user: &UserTag, handle: &TokenHandle) -> Vec<u8> {
    [&[kind::HANDLE], user.0.as_slice(), handle.as_bytes()].concat()
}

/// The prefix of all handles of a user.
pub(super) fn handles(user: &UserTag) -> Vec<u8> {
    [&[kind::HANDLE], user.0.as_slice()].concat()
}

/// The handle at the end of its key.
pub(super) fn parse_handle(key: &[u8]) -> Option<TokenHandle> {
    key.last_chunk().map(|handle| TokenHandle::new(*handle))
}

pub(super) fn expiry(expiry: &Expiry) -> Vec<u8> {
    let (kind_of, name) = match &expiry.of {
        ExpiryOf::Stock(key) => (OF_STOCK, stock_name(key)),
        ExpiryOf::Reference(key) => (OF_REFERENCE, key.0.to_vec()),
        ExpiryOf::Letter(key) => (OF_LETTER, inbox_keys::letter_name(key)),
        ExpiryOf::Ticket(key) => (OF_TICKET, key.0.to_vec()),
    };
    [&[kind::EXPIRY], expiry.due_ms.to_be_bytes().as_slice(), &[kind_of], &name].concat()
}

/// Takes an expiry's key apart.
pub(super) fn parse_expiry(key: &[u8]) -> Option<Expiry> {
    let (_kind, rest) = key.split_first()?;
    let (due, rest) = rest.split_first_chunk::<8>()?;
    let of = match rest.split_first()? {
        (&OF_STOCK, name) => ExpiryOf::Stock(parse_stock_name(name)?),
        (&OF_REFERENCE, name) => ExpiryOf::Reference(ReferenceKey(name.try_into().ok()?)),
        (&OF_LETTER, name) => ExpiryOf::Letter(inbox_keys::parse_letter_name(name)?),
        (&OF_TICKET, name) => ExpiryOf::Ticket(TicketKey(name.try_into().ok()?)),
        _ => return None,
    };
    Some(Expiry { due_ms: UnixMillis::from_be_bytes(*due), of })
}

pub(super) fn mark(mark: &ReplayMark) -> Vec<u8> {
    [&[kind::MARK], mark.expires_ms.to_be_bytes().as_slice(), &mark.digest].concat()
}

/// The beginning of the keys of all marks that expire then.
pub(super) fn marks_at(expires_ms: UnixMillis) -> Vec<u8> {
    [[kind::MARK].as_slice(), &expires_ms.to_be_bytes()].concat()
}

/// Takes a mark's key apart.
pub(super) fn parse_mark(key: &[u8]) -> Option<ReplayMark> {
    let (_kind, rest) = key.split_first()?;
    let (expires, digest) = rest.split_first_chunk::<8>()?;
    Some(ReplayMark { digest: digest.try_into().ok()?, expires_ms: UnixMillis::from_be_bytes(*expires) })
}
