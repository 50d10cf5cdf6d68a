//! Partition keys, in clear and masked.

use proptest::prelude::*;

use crate::wire::{MaskedPartitionKey, PartitionKey};

pub(super) fn partition_key() -> BoxedStrategy<PartitionKey> {
    any::<[u8; 16]>().prop_map(PartitionKey::new).boxed()
}

pub(super) fn masked() -> BoxedStrategy<MaskedPartitionKey> {
    any::<[u8; 32]>().prop_map(MaskedPartitionKey::new).boxed()
}
