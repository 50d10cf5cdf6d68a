//! Recording that a provider presented a partition's key by receiving, which releases the Welcomes that wait for it, unless
//! the group was deleted.

use std::sync::Arc;

use super::{
    Outcome, Partition, Policy, Present, Refusal, State, Transition, UnixMillis, evidence, outbox,
    subscribe::follow_commit,
};
use crate::wire::ServiceProviderId;

/// Whether a receive by that provider is worth a record: any that a Welcome waits for, and those that say something new
/// of the provider.
pub fn is_due(
    partition: &Partition,
    provider: &ServiceProviderId,
    given: Option<u32>,
    policy: &Policy,
    now: UnixMillis,
) -> bool {
    // Of a remnant nobody is given anything.
    !partition.is_remnant() && (!partition.held.is_empty() || is_use_due(partition, provider, given, policy, now))
}

/// The first one, and then one an hour. Beside these, when it was given a commit for the first time (`given` is the last
/// one's index), and once more if it still receives here when the commit is in doubt because of that.
fn is_use_due(
    partition: &Partition,
    provider: &ServiceProviderId,
    given: Option<u32>,
    policy: &Policy,
    now: UnixMillis,
) -> bool {
    let Some(a_use) = partition.use_by(provider) else { return true };
    let is_told = given.is_some_and(|commit| a_use.given.is_none_or(|known| commit > known.commit));
    let doubts_ms = partition.children.iter().filter_map(|child| a_use.would_doubt_ms(child, policy)).max();
    let doubts = doubts_ms.is_some_and(|doubts_ms| a_use.last_ms < doubts_ms && now >= doubts_ms);
    is_told || doubts || now >= a_use.last_ms.saturating_add(policy.presentation_interval_ms)
}

/// A receive never opens anything: what is not there stays so.
pub(super) fn present<S: State + ?Sized>(
    state: &S,
    present: &Present,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(mut group) = state.group().map_err(Refusal::State)? else { return Ok(transition) };
    let Some(partition) = state.partition(&present.partition).map_err(Refusal::State)? else { return Ok(transition) };
    if !is_due(&partition, &present.provider, present.given, policy, now) {
        return Ok(transition);
    }
    let mut partition = Arc::unwrap_or_clone(partition);
    let key = &present.partition;
    if group.deleted_ms.is_some() {
        let all = UnixMillis::MAX;
        outbox::drop_held(state, key, &mut partition, all, &mut transition).map_err(Refusal::State)?;
    } else {
        outbox::release(state, key, &mut partition, now, &mut transition).map_err(Refusal::State)?;
    }
    if partition.use_by(&present.provider).is_none() {
        let place = (present.partition, &mut partition);
        follow_commit(state, place, &present.provider, &mut transition, now).map_err(Refusal::State)?;
        let place = (&present.partition, &mut partition);
        evidence::of_first_use(state, place, &present.provider, &mut group, now, &mut transition)
            .map_err(Refusal::State)?;
    }
    if is_use_due(&partition, &present.provider, present.given, policy, now) {
        partition.record_use(&present.provider, now);
        if let Some(commit) = present.given {
            partition.record_given(&present.provider, commit, now);
        }
    }
    if partition.is_connected() {
        let mut group = Arc::unwrap_or_clone(group);
        if group.record_use(&present.provider, now) {
            transition.group = Some(group);
        }
    }
    transition.partitions.push((present.partition, partition));
    Ok(transition)
}
