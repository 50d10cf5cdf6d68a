//! Reserving a minted group id: single use, for whom it was minted, for a day.

use super::{Outcome, Policy, Refusal, Rejection, Reservation, Reserve, State, Timer, Transition, UnixMillis};
use crate::wire::MaskedPartitionKey;

/// Reservations have no partition: their timers stand under the zero key, which is no SHA-256 of anything known.
const NO_PARTITION: MaskedPartitionKey = MaskedPartitionKey::NONE;

pub(super) fn reserve<S: State + ?Sized>(
    state: &S,
    reserve: &Reserve,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    if state.group().map_err(Refusal::State)?.is_some() {
        return Err(Rejection::GroupExists.into());
    }
    let until_ms = now.saturating_add(policy.reservation_ms);
    let mut transition = Transition::unchanged(Outcome::Reserved);
    transition.reservation = Some(Some(Reservation { holder: reserve.holder, until_ms }));
    transition.timers.push(Timer { due_ms: until_ms, partition: NO_PARTITION });
    Ok(transition)
}
