//! Keys of the rows that concern Welcomes that wait.

use super::keys::kind;
use crate::{
    pool::{DeliveryKey, LetterKey, ReferenceKey, TicketKey},
    sequencer::UserTag,
    wire::{ClientId, ServiceProviderId},
};

pub(super) fn ticket(key: &TicketKey) -> Vec<u8> {
    [&[kind::TICKET], key.0.as_slice()].concat()
}

pub(super) fn welcomed(key: &ReferenceKey) -> Vec<u8> {
    [&[kind::WELCOMED], key.0.as_slice()].concat()
}

pub(super) fn delivery(key: &DeliveryKey) -> Vec<u8> {
    [&[kind::DELIVERY], key.0.as_slice()].concat()
}

pub(super) fn mailbox(user: &UserTag) -> Vec<u8> {
    [&[kind::MAILBOX], user.0.as_slice()].concat()
}

/// Of all hubs together without a name.
pub(super) fn hub_share(hub: Option<&ServiceProviderId>) -> Vec<u8> {
    let name = hub.map_or(&[][..], |hub| hub.as_str().as_bytes());
    [&[kind::HUB_SHARE], name].concat()
}

/// What all letters for a client begin with.
pub(super) fn letters(user: &UserTag, client: &ClientId) -> Vec<u8> {
    [&[kind::LETTER], user.0.as_slice(), client.as_bytes()].concat()
}

pub(super) fn letter(key: &LetterKey) -> Vec<u8> {
    [letters(&key.user, &key.client).as_slice(), &key.number.to_be_bytes()].concat()
}

/// Whom a letter is for and its number, as they stand in keys.
pub(super) fn letter_name(key: &LetterKey) -> Vec<u8> {
    letter(key).split_off(1)
}

/// Takes that apart.
pub(super) fn parse_letter_name(name: &[u8]) -> Option<LetterKey> {
    let (user, rest) = name.split_first_chunk::<16>()?;
    let (client, rest) = rest.split_first_chunk::<16>()?;
    let number = u64::from_be_bytes(rest.try_into().ok()?);
    Some(LetterKey { user: UserTag(*user), client: ClientId::new(*client), number })
}
