//! Whether rows are what their family says: the keys can be taken apart, the values decoded.

use mls_rs_codec::MlsDecode;

use super::super::{arrangement_keys, keys, keys::kind, pool_keys, values};
use crate::{
    pool::{Account, Delivery, Handle, HubShare, Item, Letter, Mailbox, Reference, Stock, Ticket, Welcomed},
    sequencer::{
        Ban, Complaints, Dispatch, Followed, Group, HeardBans, Outgoing, OwnerChanges, Owners, Partition, Receipt,
        Reservation, Usage,
    },
    store::Walk,
    wire::{ServiceProviderId, WelcomeData},
};

/// Group and partition.
const PLACE: usize = 64;
const GROUP: usize = 32;
const USER: usize = 16;
/// User, client, version, suite.
const STOCK: usize = USER + 16 + 2 + 2;

/// The length that a key has behind its first byte, or without one in families that have no kinds.
type Fits = bool;

fn is<T: MlsDecode>(value: &[u8]) -> Fits {
    values::decode::<T>(value, "row").is_ok()
}

fn is_number(value: &[u8], bytes: usize) -> Fits {
    value.len() == bytes
}

/// A provider, a zero byte, and so many bytes.
fn is_named(rest: &[u8], behind: usize) -> Fits {
    let Some(end) = rest.iter().position(|byte| *byte == 0) else { return false };
    let (name, after) = rest.split_at(end);
    is_provider(name) && after.len() == 1 + behind
}

fn is_provider(name: &[u8]) -> Fits {
    std::str::from_utf8(name).is_ok_and(|name| name.parse::<ServiceProviderId>().is_ok())
}

/// Whether the row belongs into its family.
pub(super) fn fits(family: &'static str, key: &[u8], value: &[u8]) -> Fits {
    match family {
        keys::STATE => state_fits(key, value),
        keys::MESSAGES => key.len() == PLACE + 4 && values::decode_entry(value).is_ok(),
        keys::REPEATS => key.len() == PLACE + 16 && is::<Receipt>(value),
        keys::BLOBS => key.len() == GROUP + 32,
        keys::OUTBOX => keys::parse_outgoing(&[&[kind::OUTGOING], key].concat()).is_some() && is::<WelcomeData>(value),
        keys::PRESENTED => key.len() == PLACE + USER && is_number(value, 8),
        keys::KEY_PACKAGES => key.len() == STOCK + 4 && !value.is_empty(),
        keys::INBOX => key.len() == 32 && !value.is_empty(),
        keys::FOLLOWED => key.len() == PLACE + 4 && !value.is_empty(),
        keys::PUBLIC => public_fits(key, value),
        _ => false,
    }
}

fn public_fits(key: &[u8], value: &[u8]) -> Fits {
    match key.get(PLACE..).and_then(<[u8]>::split_first) {
        Some((b'S', [])) => !value.is_empty(),
        Some((b'W', [])) => is::<Owners>(value),
        Some((b'L', [])) => is::<OwnerChanges>(value),
        Some((b'R', [_, ..])) => is_number(value, 4),
        _ => false,
    }
}

fn state_fits(key: &[u8], value: &[u8]) -> Fits {
    let Some((kind, rest)) = key.split_first() else { return false };
    let empty = value.is_empty();
    match *kind {
        kind::GROUP => rest.len() == GROUP && is::<Group>(value),
        kind::RESERVATION => rest.len() == GROUP && is::<Reservation>(value),
        kind::PARTITION => rest.len() == PLACE && is::<Partition>(value),
        kind::ANNOUNCED => rest.len() == PLACE && empty,
        kind::HEAD => rest.len() == PLACE + 8 && empty,
        kind::FORKED => rest.len() == GROUP && empty,
        kind::BUDGET => keys::parse_budget(key).is_some() && is::<Usage>(value),
        kind::DISPATCH => keys::parse_dispatch(key).is_some() && is::<Dispatch>(value),
        kind::OUTGOING => keys::parse_outgoing(key).is_some() && is::<Outgoing>(value),
        kind::TIMER => keys::parse_timer(key).is_some() && empty,
        kind::ACCOUNT => rest.len() == USER && is::<Account>(value),
        kind::STOCK => rest.len() == STOCK && is::<Stock>(value),
        kind::ITEM => rest.len() == STOCK + 12 && is::<Item>(value),
        kind::REFERENCE => rest.len() == 32 && is::<Reference>(value),
        kind::HANDLE => rest.len() == USER + 16 && is::<Handle>(value),
        kind::PERIOD | kind::LAPSED => rest.is_empty() && is_number(value, 8),
        kind::SUBSCRIBED => is_named(rest, PLACE) && empty,
        kind::FOLLOWED => rest.len() == PLACE && is::<Followed>(value),
        kind::EXPIRY => pool_keys::parse_expiry(key).is_some() && empty,
        kind::TICKET => rest.len() == 32 && is::<Ticket>(value),
        kind::WELCOMED => rest.len() == 32 && is::<Welcomed>(value),
        kind::DELIVERY => rest.len() == 32 && is::<Delivery>(value),
        kind::LETTER => rest.len() == USER + 24 && is::<Letter>(value),
        kind::MAILBOX => rest.len() == USER && is::<Mailbox>(value),
        kind::HUB_SHARE => (rest.is_empty() || is_provider(rest)) && is::<HubShare>(value),
        kind::BAN => arrangement_keys::parse_ban(key).is_some() && is::<Ban>(value),
        kind::HEARD => arrangement_keys::parse_heard(key).is_some() && is::<HeardBans>(value),
        kind::COMPLAINT => arrangement_keys::parse_complaint(key).is_some() && is::<Complaints>(value),
        kind::MARK => pool_keys::parse_mark(key).is_some() && empty,
        kind::BLOB_COUNT => rest.len() == PLACE && is_number(value, 4),
        kind::WALK => rest.is_empty() && is::<Walk>(value),
        _ => false,
    }
}
