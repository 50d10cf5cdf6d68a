//! Subscriptions to a partition's messages (specs/protocol.md, "Push"): how they are made, move on, follow a commit and
//! end.

use std::sync::Arc;

use super::{
    Outcome, Partition, Policy, Present, Pushed, Refusal, State, Subscribe, Subscription, Timer, Transition,
    UnixMillis, Unsubscribe, dominance::dominant_child, present::present,
};
use crate::wire::{MaskedPartitionKey, ServiceProviderId};

/// Subscribes, or renews. Whoever subscribes presents the key, which counts as it does for a receive. What is not there
/// is not opened, and the asker is told nothing else than it would be of an empty partition.
pub(super) fn subscribe<S: State + ?Sized>(
    state: &S,
    subscribe: &Subscribe,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let key = subscribe.partition;
    let mut transition =
        present(state, &Present { provider: subscribe.provider.clone(), partition: key, given: None }, policy, now)?;
    let presented = transition.partitions.iter().position(|(changed, _)| *changed == key);
    let found = match presented {
        Some(at) => Some(transition.partitions.swap_remove(at).1),
        None => state.partition(&key).map_err(Refusal::State)?.map(Arc::unwrap_or_clone),
    };
    let Some(mut partition) = found else { return Ok(transition) };
    let until_ms = subscribe.until_ms.min(now.saturating_add(policy.lease_ms));
    put(&mut partition, key, &subscribe.provider, subscribe.from, until_ms, &mut transition);
    transition.partitions.push((key, partition));
    Ok(transition)
}

/// A subscription follows a commit to the next partition where a hint would be allowed: when its provider presents the
/// key of the dominant child itself, for the first time. It has the lease of the one that it follows.
pub(super) fn follow_commit<S: State + ?Sized>(
    state: &S,
    (key, partition): (MaskedPartitionKey, &mut Partition),
    provider: &ServiceProviderId,
    transition: &mut Transition,
    now: UnixMillis,
) -> Result<(), S::Error> {
    let Some(parent) = partition.parent.filter(|_| partition.is_whole()) else { return Ok(()) };
    let Some(above) = state.partition(&parent.key)? else { return Ok(()) };
    let Some(followed) = above.subscription_of(provider).filter(|subscription| subscription.until_ms > now) else {
        return Ok(());
    };
    let is_dominant = dominant_child(state, &above)?.is_some_and(|child| child.key == key);
    if is_dominant && partition.subscription_of(provider).is_none() {
        put(partition, key, provider, 0, followed.until_ms, transition);
    }
    Ok(())
}

/// A new lease under a new serial: what was pushed under an earlier one says nothing about this one.
fn put(
    partition: &mut Partition,
    key: MaskedPartitionKey,
    provider: &ServiceProviderId,
    next_index: u32,
    until_ms: UnixMillis,
    transition: &mut Transition,
) {
    partition.serials = partition.serials.wrapping_add(1);
    let lease = Subscription { provider: provider.clone(), next_index, until_ms, serial: partition.serials };
    match partition.subscriptions.iter_mut().find(|known| known.provider == *provider) {
        Some(known) => *known = lease,
        None => partition.subscriptions.push(lease),
    }
    transition.subscribed.push((key, provider.clone(), true));
    // One timer is enough: when it is due, the next one is set for the lease that ends next.
    if partition.lease_timer_ms.is_none() {
        partition.lease_timer_ms = Some(until_ms);
        transition.timers.push(Timer { due_ms: until_ms, partition: key });
    }
}

/// The subscriber has taken a push, and says what it wants next. Whatever it says, the cursor stays within what there is.
pub(super) fn pushed<S: State + ?Sized>(
    state: &S,
    pushed: &Pushed,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(partition) = state.partition(&pushed.partition).map_err(Refusal::State)? else { return Ok(transition) };
    let mut partition = Arc::unwrap_or_clone(partition);
    let next_index = pushed.next_index.min(partition.next_index);
    let of_serial = |known: &&mut Subscription| known.provider == pushed.provider && known.serial == pushed.serial;
    if let Some(subscription) = partition.subscriptions.iter_mut().find(of_serial)
        && subscription.next_index != next_index
    {
        subscription.next_index = next_index;
        // What was pushed was given.
        if let Some(commit) = partition.last_commit.filter(|commit| *commit < next_index) {
            partition.record_given(&pushed.provider, commit, now);
        }
        transition.partitions.push((pushed.partition, partition));
    }
    Ok(transition)
}

/// The subscriber wants no more.
pub(super) fn unsubscribe<S: State + ?Sized>(
    state: &S,
    unsubscribe: &Unsubscribe,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let key = unsubscribe.partition;
    let Some(partition) = state.partition(&key).map_err(Refusal::State)? else { return Ok(transition) };
    let mut partition = Arc::unwrap_or_clone(partition);
    let ends = |known: &Subscription| known.provider == unsubscribe.provider && known.serial == unsubscribe.serial;
    if end(&mut partition, key, ends, &mut transition) {
        transition.partitions.push((key, partition));
    }
    Ok(transition)
}

/// Ends the leases that are over, when the partition's timer for them is due, and sets the next one.
pub(super) fn lapse(partition: &mut Partition, key: MaskedPartitionKey, now: UnixMillis, transition: &mut Transition) {
    end(partition, key, |known| known.until_ms <= now, transition);
    partition.lease_timer_ms = partition.subscriptions.iter().map(|known| known.until_ms).min();
    transition.timers.extend(partition.lease_timer_ms.map(|due_ms| Timer { due_ms, partition: key }));
}

/// Ends the subscriptions whose next message is gone: to who is that far behind nothing more can be pushed without a gap.
pub(super) fn end_behind(partition: &mut Partition, key: MaskedPartitionKey, transition: &mut Transition) {
    let first_index = partition.first_index;
    end(partition, key, |known| known.next_index < first_index, transition);
}

/// Ends all of them.
pub(super) fn end_all(partition: &mut Partition, key: MaskedPartitionKey, transition: &mut Transition) {
    end(partition, key, |_| true, transition);
}

/// Ends those subscriptions. Returns whether there were any.
fn end(
    partition: &mut Partition,
    key: MaskedPartitionKey,
    ends: impl Fn(&Subscription) -> bool,
    transition: &mut Transition,
) -> bool {
    let ended = partition.subscriptions.iter().filter(|known| ends(known)).map(|known| known.provider.clone());
    let before = transition.subscribed.len();
    transition.subscribed.extend(ended.map(|provider| (key, provider, false)));
    partition.subscriptions.retain(|known| !ends(known));
    transition.subscribed.len() > before
}
