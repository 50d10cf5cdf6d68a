//! Sequencing a message (draft §4.2).

use std::collections::HashSet;

use super::{
    Announcement, Fact, Group, Outcome, Partition, Policy, Refusal, Rejection, Send, Sight, SizeLimit, State,
    Transition, UnixMillis, Verdict, entering::Entering,
};
use crate::{
    mls::{ContentType, WireGroupInfo, WireMessage},
    wire::{ExpectCommit, WelcomeData},
};

pub(super) fn send<S: State + ?Sized>(
    state: &S,
    send: &Send,
    policy: &Policy,
    now: UnixMillis,
) -> Result<Transition, Refusal<S::Error>> {
    let group = state.group().map_err(Refusal::State)?.ok_or(Rejection::UnknownGroup)?;
    if let Some(receipt) = state.repeat(&send.partition, &send.repeat_key).map_err(Refusal::State)? {
        return Ok(Transition::unchanged(Outcome::Sent(receipt)));
    }
    group.require_open()?;
    let found = state.partition(&send.partition).map_err(Refusal::State)?;
    if found.as_ref().is_some_and(|partition| partition.is_terminated()) {
        return Err(Rejection::BranchTerminated.into());
    }
    check_sizes(&send.message, send.announcement.as_ref(), policy)?;
    if let Some(announcement) = &send.announcement {
        check_announcement(&group, &send.message, announcement, (&send.sight, found.as_deref()), policy)?;
        // What has no partition yet has no state.
        if let Some(partition) = &found {
            Verdict::of(&send.sight, Some(partition), policy).into_result()?;
        }
    }
    let entering = Entering {
        submitter: &send.submitter,
        partition: send.partition,
        message: &send.message,
        announcement: send.announcement.as_ref(),
        presents: true,
        sight: &send.sight,
    };
    if let Some(partition) = &found {
        check_expectation(send, partition)?;
    }
    if let Some(announcement) = &send.announcement {
        announcement.preflight.check()?;
    }
    let (receipt, mut transition) =
        entering.enter(state, group, found, policy, now, Transition::unchanged(Outcome::Done))?;
    transition.outcome = Outcome::Sent(receipt);
    transition.repeat = Some((send.partition, send.repeat_key, receipt));
    Ok(transition)
}

/// The sizes of a message and of what comes with it.
pub(super) fn check_sizes(
    message: &WireMessage,
    announcement: Option<&Announcement>,
    policy: &Policy,
) -> Result<(), Rejection> {
    let length = message.bytes().len();
    let (limit, name): (usize, fn(usize) -> SizeLimit) = match message.content_type() {
        ContentType::Application => (policy.sizes.application, SizeLimit::Application),
        ContentType::Proposal | ContentType::Commit => (policy.sizes.handshake, SizeLimit::Handshake),
    };
    if length > limit {
        return Err(Rejection::TooLarge(name(limit)));
    }
    let Some(announcement) = announcement else { return Ok(()) };
    check_attachments(announcement.group_info.as_ref(), announcement.welcome_data.as_ref(), policy)
}

/// The sizes of what travels beside a commit or a creation.
pub(super) fn check_attachments(
    group_info: Option<&WireGroupInfo>,
    welcome_data: Option<&WelcomeData>,
    policy: &Policy,
) -> Result<(), Rejection> {
    if group_info.is_some_and(|group_info| group_info.bytes().len() > policy.sizes.group_info) {
        return Err(Rejection::TooLarge(SizeLimit::GroupInfo(policy.sizes.group_info)));
    }
    if welcome_data.is_some_and(|data| data.welcome.bytes().len() > policy.sizes.welcome) {
        return Err(Rejection::TooLarge(SizeLimit::Welcome(policy.sizes.welcome)));
    }
    Ok(())
}

/// Refuses a commit only for facts that are unambiguous, as far as it was seen in the partition.
pub(super) fn check_announcement(
    group: &Group,
    message: &WireMessage,
    announcement: &Announcement,
    (sight, partition): (&Sight, Option<&Partition>),
    policy: &Policy,
) -> Result<(), Rejection> {
    if let Some(group_info) = &announcement.group_info {
        if group_info.group_id() != message.group_id()
            || Some(group_info.epoch()) != message.epoch().next()
            || group_info.cipher_suite() != group.cipher_suite
            || *sight == Sight::Contradicted
        {
            return Err(Rejection::GroupInfoMismatch);
        }
        let observation = partition.and_then(|partition| sight.of(partition));
        if !group_info.has_ratchet_tree() && !observation.is_some_and(|seen| seen.group_info_fits) {
            return Err(Rejection::RatchetTreeRequired);
        }
    }
    announcement.welcome_data.as_ref().map_or(Ok(()), |data| check_welcome(data, group.cipher_suite, policy))
}

/// The rules of draft §4.2 for a Welcome and its providers.
pub(super) fn check_welcome(
    data: &WelcomeData,
    cipher_suite: crate::mls::CipherSuite,
    policy: &Policy,
) -> Result<(), Rejection> {
    let mut refs = HashSet::new();
    if data.service_providers.len() != data.welcome.secrets()
        || data.welcome.cipher_suite() != cipher_suite
        || !data.welcome.key_package_refs().all(|reference| refs.insert(reference))
    {
        return Err(Rejection::WelcomeProviderMismatch);
    }
    for provider in &data.service_providers {
        if !policy.providers.contains(provider) {
            return Err(Rejection::UnknownProvider);
        }
        if policy.bans.blocks(provider) {
            return Err(Rejection::Denied(Fact::BlockedProvider));
        }
    }
    Ok(())
}

fn check_expectation(send: &Send, partition: &Partition) -> Result<(), Rejection> {
    let conflict = match (send.expect_commit, partition.last_commit) {
        (None, _) | (Some(_), None) => false,
        (Some(ExpectCommit::None), Some(_)) => true,
        (Some(ExpectCommit::Index(known)), Some(last)) => last > known,
    };
    if conflict { Err(Rejection::CommitConflict) } else { Ok(()) }
}
