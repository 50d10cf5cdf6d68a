//! Sequencing a proposal of somebody who is not a member (an extension).

use super::{
    Outcome, Policy, Propose, Refusal, Rejection, RepeatKey, Sight, State, Transition, UnixMillis,
    candidates::is_candidate, entering::Entering, send::check_sizes,
};
use crate::wire::MaskedPartitionKey;

/// The proposal goes into all partitions where it belongs, or into none: a member of any branch may commit it.
pub(super) fn propose<S: State + ?Sized>(
    state: &S,
    propose: &Propose,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let group = state.group().map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    let message = propose.proposal.message();
    let repeat_key = RepeatKey::in_group(message);
    if let Some(receipt) = state.repeat(&MaskedPartitionKey::NONE, &repeat_key).map_err(Refusal::State)? {
        return Ok(Transition::unchanged(Outcome::Sent(receipt)));
    }
    group.require_open()?;
    check_sizes(message, None, policy)?;
    let mut transition = Transition::unchanged(Outcome::Done);
    let mut first = None;
    for partition in &propose.partitions {
        let Some(target) = state.partition(partition).map_err(Refusal::State)? else { continue };
        let belongs = target.epoch == Some(propose.proposal.epoch())
            && is_candidate(state, &target, policy).map_err(Refusal::State)?;
        if !belongs {
            continue;
        }
        let entering = Entering {
            submitter: &propose.submitter,
            partition: *partition,
            message,
            announcement: None,
            presents: false,
            sight: &Sight::NotLooked,
        };
        let (receipt, so_far) = entering.enter(state, group.clone(), Some(target), policy, now, transition)?;
        transition = so_far;
        first.get_or_insert(receipt);
    }
    let receipt = first.ok_or(Rejection::StaleJoin)?;
    transition.outcome = Outcome::Sent(receipt);
    transition.repeat = Some((MaskedPartitionKey::NONE, repeat_key, receipt));
    Ok(transition)
}
