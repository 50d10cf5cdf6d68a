//! The keys of rows about bans and complaints.

use super::keys::kind;
use crate::{
    sequencer::{BanKey, BanSubject, ComplaintKey},
    wire::{BanTag, ReportReason, ServiceProviderId},
};

/// A provider's name holds no zero byte, so the zero ends it.
fn named(kind: u8, provider: &ServiceProviderId) -> Vec<u8> {
    [&[kind], provider.as_str().as_bytes(), &[0]].concat()
}

/// Takes the name and what follows it apart.
fn parse_named(key: &[u8]) -> Option<(ServiceProviderId, &[u8])> {
    let (_kind, rest) = key.split_first()?;
    let end = rest.iter().position(|byte| *byte == 0)?;
    let (name, rest) = rest.split_at_checked(end)?;
    Some((std::str::from_utf8(name).ok()?.parse().ok()?, rest.get(1..)?))
}

pub(super) fn ban(key: &BanKey) -> Vec<u8> {
    [named(kind::BAN, &key.provider).as_slice(), &[key.subject as u8], key.tag.as_bytes()].concat()
}

pub(super) fn parse_ban(key: &[u8]) -> Option<BanKey> {
    let (provider, rest) = parse_named(key)?;
    let (subject, tag) = rest.split_first()?;
    let subject = BanSubject::ALL.into_iter().find(|known| *known as u8 == *subject)?;
    Some(BanKey { provider, subject, tag: BanTag::new(tag.try_into().ok()?) })
}

pub(super) fn heard(hub: &ServiceProviderId) -> Vec<u8> {
    named(kind::HEARD, hub)
}

pub(super) fn parse_heard(key: &[u8]) -> Option<ServiceProviderId> {
    parse_named(key).filter(|(_, rest)| rest.is_empty()).map(|(hub, _)| hub)
}

pub(super) fn complaint(key: &ComplaintKey) -> Vec<u8> {
    [&named(kind::COMPLAINT, &key.about), &[key.reason as u8][..], key.from.as_str().as_bytes()].concat()
}

pub(super) fn parse_complaint(key: &[u8]) -> Option<ComplaintKey> {
    let (about, rest) = parse_named(key)?;
    let (reason, from) = rest.split_first()?;
    let reason = ReportReason::ALL.into_iter().find(|known| *known as u8 == *reason)?;
    Some(ComplaintKey { about, reason, from: std::str::from_utf8(from).ok()?.parse().ok()? })
}
