//! The keys of rows about pushes: who is subscribed here, and what is followed elsewhere.

use super::keys::kind;
use crate::{
    sequencer::{GroupKey, UserTag},
    wire::{MaskedPartitionKey, ServiceProviderId},
};

/// A group and a partition.
pub(super) const PLACE: usize = GroupKey::LENGTH + MaskedPartitionKey::LENGTH;

/// What all subscriptions of a provider begin with. Its name holds no zero byte, so the zero ends it.
pub(super) fn subscribed_prefix(provider: &ServiceProviderId) -> Vec<u8> {
    [&[kind::SUBSCRIBED], provider.as_str().as_bytes(), &[0]].concat()
}

pub(super) fn subscribed(provider: &ServiceProviderId, group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    [&subscribed_prefix(provider), group.as_bytes().as_slice(), partition.as_bytes()].concat()
}

/// Takes a subscription's key apart.
pub(super) fn parse_subscribed(key: &[u8]) -> Option<(ServiceProviderId, GroupKey, MaskedPartitionKey)> {
    let (provider, rest) = key.get(1..)?.split_last_chunk::<PLACE>()?;
    let (0, provider) = provider.split_last()? else { return None };
    let (group, partition) = parse_place(rest)?;
    Some((std::str::from_utf8(provider).ok()?.parse().ok()?, group, partition))
}

/// The group and the partition at the end of a key.
pub(super) fn parse_place(key: &[u8]) -> Option<(GroupKey, MaskedPartitionKey)> {
    let (group, partition) = key.last_chunk::<PLACE>()?.split_first_chunk::<{ GroupKey::LENGTH }>()?;
    Some((GroupKey::new(*group), MaskedPartitionKey::new(partition.try_into().ok()?)))
}

/// What all followed partitions of a group begin with.
pub(super) fn followed_prefix(group: &GroupKey) -> Vec<u8> {
    [&[kind::FOLLOWED], group.as_bytes().as_slice()].concat()
}

pub(super) fn followed(group: &GroupKey, partition: &MaskedPartitionKey) -> Vec<u8> {
    [&[kind::FOLLOWED], group.as_bytes().as_slice(), partition.as_bytes()].concat()
}

/// The partition and the user of a presentation's key.
pub(super) fn parse_presented(key: &[u8]) -> Option<(MaskedPartitionKey, UserTag)> {
    let (_group, rest) = key.split_first_chunk::<{ GroupKey::LENGTH }>()?;
    let (partition, user) = rest.split_first_chunk::<{ MaskedPartitionKey::LENGTH }>()?;
    Some((MaskedPartitionKey::new(*partition), UserTag(user.try_into().ok()?)))
}
