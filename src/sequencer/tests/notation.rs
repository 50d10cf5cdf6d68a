//! How scripts write times, sizes, names and keys.

use std::collections::HashMap;

use crate::{
    sequencer::{UnixMillis, Usage},
    wire::{MaskedPartitionKey, PartitionKey, ServiceProviderId},
};

/// The time at which every script begins.
pub(super) const START: UnixMillis = 1_000_000_000_000;

const TIMES: [(&str, u64); 5] = [("ms", 1), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)];
const SIZES: [(&str, u64); 3] = [("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// `1d2h`, `15m`, `1m1ms`.
pub(super) fn duration(text: &str) -> UnixMillis {
    sum(text, &TIMES)
}

/// `100B`, `8MiB`, `256KiB1B`.
pub(super) fn size(text: &str) -> u64 {
    sum(text, &SIZES)
}

fn sum(text: &str, units: &[(&str, u64)]) -> u64 {
    let (mut rest, mut sum) = (text, 0);
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or_else(|| panic!("{text}: a unit is missing"));
        let number: u64 = rest[..digits].parse().unwrap_or_else(|_| panic!("{text}: a number is missing"));
        rest = &rest[digits..];
        let (unit, value) = units
            .iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .unwrap_or_else(|| panic!("{text}: units are {units:?}"));
        rest = &rest[unit.len()..];
        sum += number * value;
    }
    sum
}

/// A time of the script: how long after its start.
pub(super) fn written_time(at_ms: UnixMillis) -> String {
    let (mut rest, mut text) = (at_ms - START, String::new());
    for (unit, value) in [TIMES[1], TIMES[2], TIMES[3], TIMES[4], TIMES[0]] {
        if rest >= value {
            text += &format!("{}{unit}", rest / value);
            rest %= value;
        }
    }
    if text.is_empty() { "0".into() } else { text }
}

/// `2 partitions, 100B`; without zeros.
pub(super) fn written_usage(usage: Usage) -> String {
    let mut parts = Vec::new();
    if usage.partitions > 0 {
        parts.push(counted(usage.partitions, "partition"));
    }
    if usage.bytes > 0 {
        parts.push(written_size(usage.bytes));
    }
    if parts.is_empty() { "nothing".into() } else { parts.join(", ") }
}

/// In the largest unit that leaves no rest.
fn written_size(bytes: u64) -> String {
    let (unit, value) = SIZES.iter().find(|(_, value)| bytes.is_multiple_of(*value)).unwrap();
    format!("{}{unit}", bytes / value)
}

/// `1 partition`, `2 partitions`.
pub(super) fn counted(number: u64, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

/// `north` is the provider `north.example`.
pub(super) fn provider(name: &str) -> ServiceProviderId {
    format!("{name}.example").parse().unwrap()
}

/// The short name of a provider.
pub(super) fn provider_name(provider: &ServiceProviderId) -> &str {
    provider.as_str().trim_end_matches(".example")
}

/// The partition key that a script calls by that name, the same in every group.
pub(super) fn partition_key(name: &str) -> PartitionKey {
    let mut key = [0; PartitionKey::LENGTH];
    key[..name.len()].copy_from_slice(name.as_bytes());
    PartitionKey::new(key)
}

/// Which name stands behind a masked key.
#[derive(Debug, Default)]
pub(super) struct Names(HashMap<MaskedPartitionKey, String>);

impl Names {
    /// Masks the key of that name and remembers it.
    pub(super) fn masked(&mut self, name: &str) -> MaskedPartitionKey {
        let masked = partition_key(name).masked();
        self.0.insert(masked, name.into());
        masked
    }

    /// The name of a masked key.
    pub(super) fn of(&self, key: &MaskedPartitionKey) -> &str {
        self.0.get(key).map_or("a reservation", String::as_str)
    }
}
