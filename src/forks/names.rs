//! How groups and partitions are named for people.

use crate::{sequencer::GroupKey, wire::MaskedPartitionKey};

/// How many hex digits of a hash make a name.
pub const NAME_DIGITS: usize = 16;

/// The name of a group: the first hex digits of SHA-256 of its id.
pub fn group_name(group: &GroupKey) -> String {
    short(group.as_bytes())
}

/// The name of a partition: the first hex digits of its masked key.
pub fn partition_name(partition: &MaskedPartitionKey) -> String {
    short(partition.as_bytes())
}

/// The bytes that a name, or a whole hash in hex, begins with. At least as many digits as a name has.
pub fn parse_name(name: &str) -> Option<Vec<u8>> {
    let is_long_enough = (NAME_DIGITS..=2 * MaskedPartitionKey::LENGTH).contains(&name.len());
    hex::decode(name).ok().filter(|_| is_long_enough)
}

/// The same with as many digits as tell it from its neighbours in order. Whoever makes keys can make two that begin alike,
/// and a partition that cannot be named could not be terminated.
pub(super) fn name_beside(partition: &MaskedPartitionKey, neighbours: &[&MaskedPartitionKey]) -> String {
    let own = partition.as_bytes();
    let alike = |other: &&MaskedPartitionKey| own.iter().zip(other.as_bytes()).take_while(|(a, b)| a == b).count();
    let bytes = neighbours.iter().map(alike).max().map_or(0, |alike| alike + 1);
    let mut name = hex::encode(own);
    name.truncate(NAME_DIGITS.max(2 * bytes));
    name
}

fn short(hash: &[u8]) -> String {
    let mut name = hex::encode(hash);
    name.truncate(NAME_DIGITS);
    name
}
