//! What a provider's answer means for a dispatch (draft §4.3, specs/protocol.md §10).

use super::{
    Deliver, Delivered, Dispatch, DispatchKey, Outcome, Outgoing, Policy, Refusal, State, Ticket, Transition,
    UnixMillis, outbox,
};

/// Whoever asks to be left alone is, for so long at most.
const RETRY_AFTER_MAX_MS: UnixMillis = 10 * 60_000;

/// An attempt at a dispatch that is not due any more changes nothing: somebody has recorded another one. A dispatch whose
/// Welcome is gone, or is another one of the same name, goes; so does one into a group that was deleted.
pub(super) fn deliver<S: State + ?Sized>(
    state: &S,
    deliver: &Deliver,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Deliver { key, outcome, jitter } = deliver;
    let Some(dispatch) = state.dispatch(key).map_err(Refusal::State)? else { return Ok(transition) };
    let outgoing = state.outgoing(&key.welcome).map_err(Refusal::State)?;
    let Some(outgoing) = outgoing.filter(|outgoing| outgoing.submitted_ms == dispatch.submitted_ms) else {
        transition.dispatches.push((key.clone(), None));
        return Ok(transition);
    };
    if state.group().map_err(Refusal::State)?.is_none_or(|group| group.deleted_ms.is_some()) {
        // Whatever the provider has said: nobody is led into a group that is no more.
        settle(key, outgoing, &mut transition);
        return Ok(transition);
    }
    match outcome {
        Delivered::Ticket(bytes) => {
            let ticket = Ticket { bytes: *bytes, until_ms: now.saturating_add(policy.ticket_ms) };
            transition.dispatches.push((key.clone(), Some(Dispatch { ticket: Some(ticket), ..dispatch })));
        }
        Delivered::Taken | Delivered::NoneAccepted => settle(key, outgoing, &mut transition),
        Delivered::Failed { keeps_ticket, retry_after_ms } => {
            let wait_ms = wait_ms(dispatch.attempts, *jitter, policy).max(RETRY_AFTER_MAX_MS.min(*retry_after_ms));
            let due_ms = now.saturating_add(wait_ms);
            if due_ms >= outgoing.submitted_ms.saturating_add(policy.welcome_lifetime_ms) {
                settle(key, outgoing, &mut transition);
                return Ok(transition);
            }
            let ticket = dispatch.ticket.filter(|_| *keeps_ticket);
            let later = Dispatch { attempts: dispatch.attempts.saturating_add(1), ticket, ..dispatch };
            transition.dispatches.push((key.clone(), None));
            // Never the row that was just removed, however short the wait.
            let due_ms = due_ms.max(key.due_ms.saturating_add(1));
            transition.dispatches.push((DispatchKey { due_ms, ..key.clone() }, Some(later)));
        }
    }
    Ok(transition)
}

/// That provider has it, or never will.
fn settle(key: &DispatchKey, mut outgoing: Outgoing, transition: &mut Transition) {
    transition.dispatches.push((key.clone(), None));
    outgoing.dispatches = outgoing.dispatches.saturating_sub(1);
    if outgoing.dispatches == 0 {
        outbox::end(key.welcome, &outgoing, transition);
    } else {
        transition.outgoing.push((key.welcome, Some(outgoing)));
    }
}

/// Twice as long after each failure, up to a limit; between half of that and all of it.
fn wait_ms(attempts: u32, jitter: u32, policy: &Policy) -> UnixMillis {
    let doubled = policy.first_backoff_ms.saturating_mul(1_u64.checked_shl(attempts.min(32)).unwrap_or(u64::MAX));
    let half = doubled.min(policy.longest_backoff_ms) / 2;
    half.saturating_add(half.saturating_mul(jitter.into()) >> u32::BITS)
}
