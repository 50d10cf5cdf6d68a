//! What a walk up the tree needs of a partition that it passes: a fiftieth of the record.

use super::{Child, Partition};
use crate::wire::MaskedPartitionKey;

/// A partition's place between what is above it and what is below. The same as long as its record has the same parent and
/// the same children, so that whoever remembers records may remember links for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The partition whose commit announced it.
    pub parent: Option<MaskedPartitionKey>,
    /// What is dominant below it whoever uses it, because there is nothing else; `None` where several are, or nothing is.
    pub sole_rival: Option<MaskedPartitionKey>,
}

impl Link {
    /// The link of the partition with that record.
    pub fn of(partition: &Partition) -> Self {
        let sole_rival = match partition.rivals().as_slice() {
            [only] => Some(only.key),
            _ => None,
        };
        Self { parent: partition.parent.map(|parent| parent.key), sole_rival }
    }
}

impl Partition {
    /// The children among which one is dominant: those that the operator has not ended. Within a branch that is ended,
    /// where reading goes on, all of them.
    pub(super) fn rivals(&self) -> Vec<&Child> {
        if self.is_terminated() { self.children.iter().collect() } else { self.live_children().collect() }
    }
}
