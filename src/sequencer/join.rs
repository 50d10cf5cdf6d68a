//! Sequencing an external commit (draft §4.5).
//!
//! Where it belongs was found out from a snapshot, with the cryptography that this layer does not do. Here it is decided
//! whether that still holds.

use std::sync::Arc;

use super::{
    Ground, Group, Join, Outcome, Partition, Policy, Refusal, Rejection, RepeatKey, State, Transition, UnixMillis,
    Verdict,
    candidates::is_candidate,
    dominance::is_on_dominant_branch,
    entering::Entering,
    send::{check_announcement, check_sizes},
};
use crate::wire::MaskedPartitionKey;

pub(super) fn join<S: State + ?Sized>(
    state: &S,
    join: &Join,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let group = state.group().map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    let message = join.commit.message();
    let repeat_key = RepeatKey::in_group(message);
    if let Some(receipt) = state.repeat(&MaskedPartitionKey::NONE, &repeat_key).map_err(Refusal::State)? {
        return Ok(Transition::unchanged(Outcome::Sent(receipt)));
    }
    group.require_open()?;
    let target = state.partition(&join.partition).map_err(Refusal::State)?;
    check(&group, join, target.as_deref(), policy)?;
    let target = target.ok_or(Rejection::StaleJoin)?;
    if !belongs(state, &group, join, &target, policy).map_err(Refusal::State)? {
        return Err(Rejection::StaleJoin.into());
    }
    let entering = Entering {
        submitter: &join.submitter,
        partition: join.partition,
        message,
        announcement: Some(&join.announcement),
        presents: false,
        sight: &join.sight,
    };
    let unchanged = Transition::unchanged(Outcome::Done);
    let (receipt, mut transition) = entering.enter(state, group, Some(target), policy, now, unchanged)?;
    transition.outcome = Outcome::Sent(receipt);
    transition.repeat = Some((MaskedPartitionKey::NONE, repeat_key, receipt));
    Ok(transition)
}

/// What is wrong with a join wherever it belongs.
fn check(group: &Group, join: &Join, target: Option<&Partition>, policy: &Policy) -> Result<(), Rejection> {
    if join.announcement.welcome_data.is_some() {
        return Err(Rejection::WelcomeInJoin);
    }
    check_sizes(join.commit.message(), Some(&join.announcement), policy)?;
    check_announcement(group, join.commit.message(), &join.announcement, (&join.sight, target), policy)?;
    target.map_or(Ok(()), |target| Verdict::of(&join.sight, Some(target), policy).into_result())
}

/// Whether the target is still what it was when it was found.
fn belongs<S: State + ?Sized>(
    state: &S,
    group: &Group,
    join: &Join,
    target: &Arc<Partition>,
    policy: &Policy,
) -> Result<bool, S::Error> {
    if target.epoch != Some(join.commit.epoch()) || !is_candidate(state, target, policy)? {
        return Ok(false);
    }
    match join.ground {
        Ground::Proof(group_info) => Ok(target.group_info == Some(group_info)),
        Ground::Dominance { token, group_info } => Ok((token || group.is_used_by(&join.submitter, target))
            && target.group_info == group_info
            && is_on_dominant_branch(state, &join.partition, target)?),
    }
}
