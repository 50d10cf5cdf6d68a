//! What the rows of each family are, all in one place: for whoever looks at all of a database, and for fuzzing.
//!
//! Reads nothing by itself: it is given a row as a disk may give it, with any byte wrong.
//!
//! # Correctness
//! A row has one encoding. Where a debug build meets one that it reads and would write in another way, it panics.

use mls_rs_codec::{MlsDecode, MlsEncode};

use super::{
    arrangement_keys, inbox_keys, keys, keys::kind, own_rows, pool_keys, pool_keys::STOCK, push_keys::PLACE,
    retention_keys, values,
};
use crate::{
    pool::{Account, Delivery, Handle, HubShare, Item, Letter, Mailbox, Reference, Stock, Ticket, Welcomed},
    sequencer::{
        Ban, Complaints, Dispatch, Followed, Group, HeardBans, Outgoing, OwnerChanges, Owners, Partition, Receipt,
        Reservation, Usage,
    },
    store::Walk,
    wire::{ServiceProviderId, WelcomeData},
};

const GROUP: usize = 32;
const USER: usize = 16;

/// Whether the row belongs into its family: its key is one, and its value is what is written there.
pub(crate) fn fits(family: &str, key: &[u8], value: &[u8]) -> bool {
    match family {
        keys::STATE => state_fits(key, value),
        keys::MESSAGES => key.len() == PLACE + 4 && is_entry(value),
        keys::REPEATS => retention_keys::parse_receipt(key).is_some() && is::<Receipt>(value),
        keys::BLOBS => key.len() == GROUP + 32,
        keys::OUTBOX => keys::parse_outgoing(&[&[kind::OUTGOING], key].concat()).is_some() && is::<WelcomeData>(value),
        keys::PRESENTED => {
            let build = |(group, partition, user): &_| keys::presented(group, partition, user);
            is_key(key, retention_keys::parse_presented(key), build) && is_number(value, 8)
        }
        keys::KEY_PACKAGES => key.len() == STOCK + 4 && !value.is_empty(),
        keys::INBOX => key.len() == 32 && !value.is_empty(),
        keys::FOLLOWED => key.len() == PLACE + 4 && !value.is_empty(),
        keys::PUBLIC => public_fits(key, value),
        keys::DEFAULT => own_rows::fits(key, value),
        _ => false,
    }
}

/// All families that a row may be in.
#[cfg(feature = "fuzzing")]
pub(crate) fn families() -> impl Iterator<Item = &'static str> {
    keys::FAMILIES.into_iter().chain([keys::DEFAULT])
}

fn public_fits(key: &[u8], value: &[u8]) -> bool {
    match key.get(PLACE..).and_then(<[u8]>::split_first) {
        // `PublicState::load` looks at it.
        Some((b'S', [])) => !value.is_empty(),
        Some((b'W', [])) => is::<Owners>(value),
        Some((b'L', [])) => is::<OwnerChanges>(value),
        Some((b'R', [_, ..])) => is_number(value, 4),
        _ => false,
    }
}

fn state_fits(key: &[u8], value: &[u8]) -> bool {
    let Some((kind, rest)) = key.split_first() else { return false };
    let empty = value.is_empty();
    match *kind {
        kind::GROUP => is_key(key, keys::parse_group(key), keys::group) && is::<Group>(value),
        kind::RESERVATION => rest.len() == GROUP && is::<Reservation>(value),
        kind::PARTITION => rest.len() == PLACE && is::<Partition>(value),
        kind::ANNOUNCED => rest.len() == PLACE && empty,
        kind::HEAD => rest.len() == PLACE + 8 && empty,
        kind::FORKED => rest.len() == GROUP && empty,
        kind::BUDGET => {
            let build = |(provider, group): &_| keys::budget(provider, group);
            is_key(key, keys::parse_budget(key), build) && is::<Usage>(value)
        }
        kind::DISPATCH => {
            let build = |(group, dispatch): &_| keys::dispatch(group, dispatch);
            is_key(key, keys::parse_dispatch(key), build) && is::<Dispatch>(value)
        }
        kind::OUTGOING => {
            let build = |(group, name): &_| keys::outgoing(group, name);
            is_key(key, keys::parse_outgoing(key), build) && is::<Outgoing>(value)
        }
        kind::TIMER => {
            let build = |(group, timer): &_| keys::timer(group, timer);
            is_key(key, keys::parse_timer(key), build) && empty
        }
        kind::ACCOUNT => is_key(key, pool_keys::parse_account(key), pool_keys::account) && is::<Account>(value),
        kind::STOCK => rest.len() == STOCK && is::<Stock>(value),
        kind::ITEM => rest.len() == STOCK + 12 && is::<Item>(value),
        kind::REFERENCE => rest.len() == 32 && is::<Reference>(value),
        kind::HANDLE => rest.len() == USER + 16 && is::<Handle>(value),
        kind::PERIOD | kind::LAPSED => rest.is_empty() && is_number(value, 8),
        kind::SUBSCRIBED => is_named(rest, PLACE) && empty,
        kind::FOLLOWED => rest.len() == PLACE && is::<Followed>(value),
        kind::EXPIRY => is_key(key, pool_keys::parse_expiry(key), pool_keys::expiry) && empty,
        kind::TICKET => rest.len() == 32 && is::<Ticket>(value),
        kind::WELCOMED => rest.len() == 32 && is::<Welcomed>(value),
        kind::DELIVERY => rest.len() == 32 && is::<Delivery>(value),
        kind::LETTER => is_key(key, inbox_keys::parse_letter_name(rest), inbox_keys::letter) && is::<Letter>(value),
        kind::MAILBOX => rest.len() == USER && is::<Mailbox>(value),
        kind::HUB_SHARE => (rest.is_empty() || is_provider(rest)) && is::<HubShare>(value),
        kind::BAN => is_key(key, arrangement_keys::parse_ban(key), arrangement_keys::ban) && is::<Ban>(value),
        kind::HEARD => {
            is_key(key, arrangement_keys::parse_heard(key), arrangement_keys::heard) && is::<HeardBans>(value)
        }
        kind::COMPLAINT => {
            is_key(key, arrangement_keys::parse_complaint(key), arrangement_keys::complaint) && is::<Complaints>(value)
        }
        kind::MARK => is_key(key, pool_keys::parse_mark(key), pool_keys::mark) && empty,
        kind::BLOB_COUNT => rest.len() == PLACE && is_number(value, 4),
        kind::WALK => rest.is_empty() && is::<Walk>(value),
        _ => false,
    }
}

/// Whether it is a record.
fn is<T: MlsDecode + MlsEncode>(value: &[u8]) -> bool {
    let Ok(record) = values::decode::<T>(value, "row") else { return false };
    debug_assert!(
        values::encode(&record, "row").is_ok_and(|encoded| encoded == value),
        "another encoding of the same record"
    );
    true
}

fn is_entry(value: &[u8]) -> bool {
    let Ok(entry) = values::decode_entry(value) else { return false };
    debug_assert_eq!(values::encode_entry(&entry), value, "another encoding of the same message");
    true
}

fn is_number(value: &[u8], bytes: usize) -> bool {
    value.len() == bytes
}

/// Whether a key was taken apart, and comes together again.
fn is_key<K>(key: &[u8], parsed: Option<K>, build: impl FnOnce(&K) -> Vec<u8>) -> bool {
    let Some(parsed) = parsed else { return false };
    debug_assert_eq!(build(&parsed), key, "another key of the same row");
    true
}

/// A provider, a zero byte, and so many bytes.
fn is_named(rest: &[u8], behind: usize) -> bool {
    let Some(end) = rest.iter().position(|byte| *byte == 0) else { return false };
    let (name, after) = rest.split_at(end);
    is_provider(name) && after.len() == 1 + behind
}

fn is_provider(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<ServiceProviderId>().is_ok())
}
