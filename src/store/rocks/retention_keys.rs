//! Keys of the rows that retention walks over.

use super::keys;
use crate::{
    sequencer::{GroupKey, StoredRepeatKey, UserTag},
    wire::MaskedPartitionKey,
};

/// The key of a receipt, by the part of its name that is stored.
pub(super) fn receipt_of_group(group: &GroupKey, key: &StoredRepeatKey) -> Vec<u8> {
    [keys::partition_prefix(group, &MaskedPartitionKey::NONE).as_slice(), key].concat()
}

pub(super) fn parse_receipt(key: &[u8]) -> Option<StoredRepeatKey> {
    key.get(GroupKey::LENGTH + MaskedPartitionKey::LENGTH..)?.try_into().ok()
}

pub(super) fn parse_presented(key: &[u8]) -> Option<(GroupKey, MaskedPartitionKey, UserTag)> {
    let (group, rest) = key.split_first_chunk::<{ GroupKey::LENGTH }>()?;
    let (partition, user) = rest.split_first_chunk::<{ MaskedPartitionKey::LENGTH }>()?;
    Some((GroupKey::new(*group), MaskedPartitionKey::new(*partition), UserTag(user.try_into().ok()?)))
}
