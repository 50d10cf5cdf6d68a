//! Recording that a provider presented a partition's key by receiving.

use std::sync::Arc;

use super::{Outcome, Partition, Policy, Present, Refusal, State, Transition, UnixMillis};
use crate::wire::ServiceProviderId;

/// Whether a receive by that provider is worth a record: the first one, and then one an hour.
pub fn is_due(partition: &Partition, provider: &ServiceProviderId, policy: &Policy, now: UnixMillis) -> bool {
    partition.use_by(provider).is_none_or(|a_use| now >= a_use.last_ms.saturating_add(policy.presentation_interval_ms))
}

/// A receive never opens anything: what is not there stays so.
pub(super) fn present<S: State + ?Sized>(
    state: &S,
    present: &Present,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(group) = state.group().map_err(Refusal::State)? else { return Ok(transition) };
    let Some(partition) = state.partition(&present.partition).map_err(Refusal::State)? else { return Ok(transition) };
    if !is_due(&partition, &present.provider, policy, now) {
        return Ok(transition);
    }
    let mut partition = Arc::unwrap_or_clone(partition);
    partition.record_use(&present.provider, now);
    if partition.is_connected() && !group.users.contains(&present.provider) {
        let mut group = Arc::unwrap_or_clone(group);
        group.users.push(present.provider.clone());
        transition.group = Some(group);
    }
    transition.partitions.push((present.partition, partition));
    Ok(transition)
}
