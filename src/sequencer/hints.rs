//! Which other epochs a reader is given (draft §4.4, specs/protocol.md "Hints").

use super::{Hints, Partition, Policy, State, UnixMillis, dominance::dominant_child};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// By what a reader whom the hub knows is entitled to a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The reader presented the partition's key within the window.
    Presented,
    /// In the partition's epoch a leaf is there that came from the reader.
    Leaf,
}

/// The partitions to hint to a reader who has reached the end of `requested`, nearest first.
///
/// # Privacy
/// A hint is an entitlement, so that a removed member cannot follow a group with its old key: the reader's provider
/// presented the hinted partition's key itself, within the window, or the hub sees that it has a leaf there; and `holds`
/// says the same of the reader, where the hub knows the reader. The chain ends at the first partition without
/// entitlement: what lies behind it could not be read without it.
///
/// # Errors
/// When the state could not be read.
pub fn hinted<S: State + ?Sized>(
    state: &S,
    requested: &MaskedPartitionKey,
    provider: &ServiceProviderId,
    holds: impl Fn(Claim, &MaskedPartitionKey) -> Result<bool, S::Error>,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Vec<MaskedPartitionKey>, S::Error> {
    let mut hints = Vec::new();
    let mut bytes = 0;
    let since = now.saturating_sub(policy.hint_window_ms);
    let Some(mut partition) = state.partition(requested)? else { return Ok(hints) };
    while hints.len() < policy.hint_epochs {
        let Some(child) = dominant_child(state, &partition)? else { break };
        let Some(next) = state.partition(&child.key)? else { break };
        let used = next.use_by(provider).is_some_and(|a_use| a_use.last_ms >= since);
        let has_leaf = next.public.as_ref().is_some_and(|public| public.roster.has(provider));
        let entitled = is_forwarded(&next, policy)
            || (used && holds(Claim::Presented, &child.key)?)
            || (has_leaf && holds(Claim::Leaf, &child.key)?);
        bytes += next.bytes;
        // A hinted epoch is whole or absent: nothing in it says with which index it begins.
        if !entitled || !next.is_whole() || !next.has_messages() || bytes > policy.hint_bytes {
            break;
        }
        hints.push(child.key);
        partition = next;
    }
    Ok(hints)
}

/// Whether the operator gives it to everyone: where the hub does not see who is there, and never will.
fn is_forwarded(partition: &Partition, policy: &Policy) -> bool {
    policy.hints == Hints::Forward && !partition.may_be_observable()
}
