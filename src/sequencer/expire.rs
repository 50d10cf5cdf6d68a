//! What a due timer does: unadopted orphans age out, unused reservations, leases and what nobody needs lapse, Welcomes
//! that nobody released are dropped, a branch that is being ended goes on to end.

use std::sync::Arc;

use super::{
    Expire, Outcome, Partition, Policy, Refusal, State, Timer, Transition, UnixMillis, followed, outbox,
    retention::{empty, remove_messages},
    subscribe, terminate,
};
use crate::wire::MaskedPartitionKey;

pub(super) fn expire<S: State + ?Sized>(
    state: &S,
    expire: &Expire,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    transition.cleared_timers.push(Timer { due_ms: expire.due_ms, partition: expire.partition });
    if expire.partition == MaskedPartitionKey::NONE {
        if state.group().map_err(Refusal::State)?.is_some_and(|group| group.spreading.is_some()) {
            let cleared_timers = transition.cleared_timers;
            return Ok(Transition { cleared_timers, ..terminate::spread(state, policy, now)? });
        }
        let reservation = state.reservation().map_err(Refusal::State)?;
        if reservation.is_some_and(|reservation| now >= reservation.until_ms) {
            transition.reservation = Some(None);
        }
        return Ok(transition);
    }
    let timer = (expire.partition, expire.due_ms);
    followed::lapse(state, timer, policy, now, &mut transition).map_err(Refusal::State)?;
    let Some(found) = state.partition(&expire.partition).map_err(Refusal::State)? else { return Ok(transition) };
    let mut partition = Arc::unwrap_or_clone(found);
    if partition.is_orphan() {
        let lifetime_ms = if partition.uses.len() > 1 { policy.shared_orphan_ms } else { policy.orphan_ms };
        let due_ms = partition.created_ms.saturating_add(lifetime_ms);
        if now >= due_ms {
            remove(state, expire, partition, (policy, now), &mut transition).map_err(Refusal::State)?;
            return Ok(transition);
        }
        transition.timers.push(Timer { due_ms, partition: expire.partition });
    }
    let held = partition.held.len();
    let is_deleted = state.group().map_err(Refusal::State)?.is_some_and(|group| group.deleted_ms.is_some());
    let until_ms = if is_deleted { UnixMillis::MAX } else { now.saturating_sub(policy.welcome_hold_ms) };
    outbox::drop_held(state, &expire.partition, &mut partition, until_ms, &mut transition).map_err(Refusal::State)?;
    let leases_lapse = partition.lease_timer_ms == Some(expire.due_ms);
    if leases_lapse {
        subscribe::lapse(&mut partition, expire.partition, now, &mut transition);
    }
    if leases_lapse || partition.held.len() != held {
        transition.partitions.push((expire.partition, partition));
    }
    Ok(transition)
}

/// An orphan goes, with everything in it, and the Welcomes that wait for somebody to present its key. One that holds more
/// than one step removes goes step by step: its timer stays due.
fn remove<S: State + ?Sized>(
    state: &S,
    expire: &Expire,
    mut orphan: Partition,
    (policy, now): (&Policy, UnixMillis),
    transition: &mut Transition,
) -> Result<(), S::Error> {
    let key = expire.partition;
    if let Some(contents) = &expire.contents {
        remove_messages(&mut orphan, key, contents, transition);
    }
    if orphan.has_messages() {
        // Whoever shows its key between two steps does not keep what has lost its beginning.
        orphan.created_ms = orphan.created_ms.min(now.saturating_sub(policy.shared_orphan_ms));
        transition.timers.push(Timer { due_ms: expire.due_ms, partition: key });
        transition.partitions.push((key, orphan));
        return Ok(());
    }
    empty(state, key, &mut orphan, transition)?;
    // What hung below it is an orphan of its own now, and ages out by its own time: one timer, one removal.
    for child in &orphan.children {
        if let Some(child_partition) = state.partition(&child.key)? {
            let mut child_partition = (*child_partition).clone();
            child_partition.parent = None;
            let due_ms = child_partition.created_ms.saturating_add(policy.orphan_ms);
            transition.timers.push(Timer { due_ms, partition: child.key });
            transition.partitions.push((child.key, child_partition));
        }
    }
    transition.removed.push(key);
    Ok(())
}
