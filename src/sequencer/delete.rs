//! Deleting a group (specs/protocol.md G8).

use std::sync::Arc;

use super::{
    Delete, Outcome, Policy, Refusal, Rejection, State, Transition, UnixMillis,
    membership::{NEAR, is_sole_head},
};

/// Nothing is sequenced any more. What is there can be read until retention removes it, and that the group was deleted is
/// known for ever.
///
/// Whoever deletes shows the key of the newest partition: an old key shows that somebody was a member. How the group came
/// there was looked at before, off the lane; here only what may have changed since.
pub(super) fn delete<S: State + ?Sized>(
    state: &S,
    delete: &Delete,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let group = state.group().map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    let mut transition = Transition::unchanged(Outcome::Done);
    if group.deleted_ms.is_some() {
        return Ok(transition);
    }
    let shown = state.partition(&delete.partition).map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    let is_sole_head = is_sole_head(state, (&delete.partition, &shown), NEAR, policy).map_err(Refusal::State)?;
    if is_sole_head == Some(false) {
        return Err(Rejection::UnknownGroup.into());
    }
    let mut group = Arc::unwrap_or_clone(group);
    group.deleted_ms = Some(now);
    transition.group = Some(group);
    Ok(transition)
}
