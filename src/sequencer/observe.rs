//! States that are derived after their commit was sequenced, and checkpoints that somebody asks for.

use std::sync::Arc;

use super::{Checkpointed, Observe, Outcome, Refusal, Replay, Sight, State, Transition};

/// Notes what was seen late. A partition that has moved in the tree meanwhile, or whose state is known, stays as it is:
/// unless nothing leads to that state any more.
pub(super) fn observe<S: State + ?Sized>(state: &S, observe: &Observe) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(found) = state.partition(&observe.partition).map_err(Refusal::State)? else { return Ok(transition) };
    let public = found.public.as_ref().filter(|public| !public.replay.is_checkpoint());
    let is_lost = public.is_some_and(|public| observe.lost == Some(public.digest));
    if !(found.unobserved || is_lost) || found.parent != observe.parent || !found.is_connected() {
        return Ok(transition);
    }
    let before = match found.parent {
        None => None,
        Some(parent) => match state.partition(&parent.key).map_err(Refusal::State)? {
            Some(parent) => Some(parent),
            None => return Ok(transition),
        },
    };
    let mut partition = Arc::unwrap_or_clone(found);
    match &observe.sight {
        _ if is_lost => {
            partition.public = None;
            transition.given_up.push(observe.partition);
        }
        Sight::NotLooked => return Ok(transition),
        Sight::Unobservable | Sight::Contradicted => {}
        Sight::Seen(observation) => {
            if before.as_ref().is_some_and(|before| observe.sight.recorded_below(before).is_none()) {
                return Ok(transition);
            }
            let replay = before.as_ref().and_then(|before| before.public.as_ref()).map(|public| public.replay);
            let group_info = observe.group_info.as_ref();
            let Some(public) = observation.public(group_info, replay, observe.commit_bytes) else {
                return Ok(transition);
            };
            partition.public = Some(public);
            transition.owners.push((observe.partition, observation.owners.clone()));
            transition.checkpoints.extend(observation.checkpoint.clone().map(|saved| (observe.partition, saved)));
        }
    }
    partition.unobserved = false;
    transition.partitions.push((observe.partition, partition));
    Ok(transition)
}

/// Keeps a checkpoint of a state that has none. One with another roster was derived from what is not recorded: it would
/// stand beside a record that says something else.
pub(super) fn checkpoint<S: State + ?Sized>(state: &S, saved: &Checkpointed) -> Result<Transition, Refusal<S::Error>> {
    let mut transition = Transition::unchanged(Outcome::Done);
    let Some(found) = state.partition(&saved.partition).map_err(Refusal::State)? else { return Ok(transition) };
    let mut partition = Arc::unwrap_or_clone(found);
    let Some(public) = &mut partition.public else { return Ok(transition) };
    let is_recorded = public.digest == saved.digest && public.roster == saved.checkpoint.owners.roster();
    if !is_recorded || public.replay.is_checkpoint() {
        return Ok(transition);
    }
    public.replay = Replay::of_checkpoint(saved.checkpoint.bytes());
    transition.checkpoints.push((saved.partition, saved.checkpoint.clone()));
    transition.partitions.push((saved.partition, partition));
    Ok(transition)
}
