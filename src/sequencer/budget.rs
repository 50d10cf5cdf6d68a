//! What providers may keep a hub busy with beyond the dominant branch (specs/protocol.md, "Budgets").
//!
//! No partition key is ever refused as a key. *Providers* are metered instead, for each group and over all groups.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{Charge, State, Transition};

/// What counts against a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Usage {
    /// Partitions that were opened.
    pub partitions: u64,
    /// Bytes of messages, GroupInfos and Welcomes.
    pub bytes: u64,
}

impl Usage {
    /// Whether it is zero.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }

    /// The sum.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            partitions: self.partitions.saturating_add(other.partitions),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    /// The difference, not below zero.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            partitions: self.partitions.saturating_sub(other.partitions),
            bytes: self.bytes.saturating_sub(other.bytes),
        }
    }

    /// `factor` times as much.
    #[must_use]
    pub fn times(self, factor: u64) -> Self {
        Self { partitions: self.partitions.saturating_mul(factor), bytes: self.bytes.saturating_mul(factor) }
    }

    /// Whether it stays within `limit` in both measures.
    pub fn fits(self, limit: Self) -> bool {
        self.partitions <= limit.partitions && self.bytes <= limit.bytes
    }
}

/// What a provider has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// In the group at hand.
    pub in_group: Usage,
    /// Over all groups, the one at hand included.
    pub in_all: Usage,
}

/// Gives back what was charged.
pub(super) fn give_back<S: State + ?Sized>(
    state: &S,
    charges: impl IntoIterator<Item = Charge>,
    transition: &mut Transition,
) -> Result<(), S::Error> {
    for Charge { provider, usage } in charges {
        match transition.budgets.iter_mut().find(|(whose, _)| *whose == provider) {
            Some((_, rest)) => *rest = rest.minus(usage),
            None => {
                let rest = state.budget(&provider)?.in_group.minus(usage);
                transition.budgets.push((provider, rest));
            }
        }
    }
    Ok(())
}
