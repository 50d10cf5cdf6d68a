//! What a due timer does: unadopted orphans age out, unused reservations lapse.

use super::{Expire, Outcome, Policy, Refusal, State, Timer, Transition, UnixMillis};
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
        let reservation = state.reservation().map_err(Refusal::State)?;
        if reservation.is_some_and(|reservation| now >= reservation.until_ms) {
            transition.reservation = Some(None);
        }
        return Ok(transition);
    }
    let Some(orphan) = state.partition(&expire.partition).map_err(Refusal::State)? else { return Ok(transition) };
    if !orphan.is_orphan() {
        return Ok(transition);
    }
    let lifetime_ms = if orphan.uses.len() > 1 { policy.shared_orphan_ms } else { policy.orphan_ms };
    let due_ms = orphan.created_ms.saturating_add(lifetime_ms);
    if now < due_ms {
        transition.timers.push(Timer { due_ms, partition: expire.partition });
        return Ok(transition);
    }
    for charge in &orphan.charges {
        let rest = state.budget(&charge.provider).map_err(Refusal::State)?.in_group.minus(charge.usage);
        transition.budgets.push((charge.provider.clone(), rest));
    }
    // What hung below it is an orphan of its own now, and ages out by its own time: one timer, one removal.
    for child in &orphan.children {
        if let Some(child_partition) = state.partition(&child.key).map_err(Refusal::State)? {
            let mut child_partition = (*child_partition).clone();
            child_partition.parent = None;
            let due_ms = child_partition.created_ms.saturating_add(policy.orphan_ms);
            transition.timers.push(Timer { due_ms, partition: child.key });
            transition.partitions.push((child.key, child_partition));
        }
    }
    transition.removed.push(expire.partition);
    Ok(transition)
}
