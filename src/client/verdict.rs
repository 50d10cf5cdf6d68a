//! Is this commit the group's next step? (draft §4.4, specs/protocol.md §9)

use mls_rs::{
    Group, MlsMessage,
    client_builder::MlsConfig,
    error::MlsError,
    group::{CommitEffect, CommitMessageDescription, ReceivedMessage},
};

use super::{
    GroupError, Participant, Reason, committing::StagedCommit, group::export, group_error::is_storage,
    policy::GroupPolicy,
};
use crate::{
    mls::{WireGroupInfo, WireMessage},
    wire::{MessageCommit, PartitionKey, ServiceProviderId},
};

/// What a commit would do to the group.
pub(super) enum Verdict<C: MlsConfig> {
    /// It leads on: the group in the epoch that it creates.
    Valid(Box<Next<C>>),
    /// It removes this client.
    Removes { committer: u32 },
    /// It must be ignored.
    Refused(Reason),
}

/// The group behind a valid commit.
pub(super) struct Next<C: MlsConfig> {
    pub(super) group: Group<C>,
    pub(super) key: PartitionKey,
    /// As the new tree shows it.
    pub(super) committer: Participant,
    pub(super) external: bool,
    pub(super) reinit: bool,
}

/// Judges a commit on a clone of the group.
///
/// `staged` holds the secrets when the commit is one's own: MLS cannot process that as a message.
///
/// # Errors
/// Only for faults of our own, such as [`GroupError::Storage`], which say nothing about the commit.
pub(super) fn judge<C: MlsConfig>(
    group: &Group<C>,
    hub: &ServiceProviderId,
    staged: Option<&StagedCommit>,
    message: &WireMessage,
    commit: &MessageCommit,
    policy: &GroupPolicy,
) -> Result<Verdict<C>, GroupError> {
    let mut next = group.clone();
    let description = match staged {
        Some(staged) => next.apply_detached_commit(staged.secrets.clone()),
        None => process_commit(&mut next, message),
    };
    let description = match description {
        Ok(description) => description,
        Err(error) => return refuse(error).map(Verdict::Refused),
    };
    let committer = description.committer;
    if matches!(description.effect, CommitEffect::Removed { .. }) {
        // Also whom it removes judges by what the state says of the committer and of whom it adds.
        if policy.forbids_commit(group, &description, None) {
            return Ok(Verdict::Refused(Reason::Forbidden));
        }
        return Ok(match &commit.group_info {
            Some(group_info) if !plausible(group_info, group, committer) => Verdict::Refused(Reason::GroupInfoMismatch),
            _ => Verdict::Removes { committer },
        });
    }
    let key = export(&next, hub)?;
    if key.masked() != commit.next_partition_key {
        return Ok(Verdict::Refused(Reason::PartitionKeyMismatch));
    }
    if let Some(group_info) = &commit.group_info {
        if group_info.signer() != committer {
            return Ok(Verdict::Refused(Reason::GroupInfoSigner));
        }
        // The library compares context, confirmation tag and tree with the clone's and verifies the signature.
        match MlsMessage::from_bytes(group_info.bytes()).and_then(|info| next.process_incoming_message(info)) {
            Ok(ReceivedMessage::GroupInfo(_)) => {}
            Ok(_) => return Ok(Verdict::Refused(Reason::GroupInfoMismatch)),
            Err(error) if is_storage(&error) => return Err(error.into()),
            Err(_) => return Ok(Verdict::Refused(Reason::GroupInfoMismatch)),
        }
    }
    if policy.forbids_commit(group, &description, Some(&next)) {
        return Ok(Verdict::Refused(Reason::Forbidden));
    }
    let Some(committer) = Participant::at(&next, committer) else { return Ok(Verdict::Refused(Reason::Invalid)) };
    let reinit = matches!(description.effect, CommitEffect::ReInit(_));
    Ok(Verdict::Valid(Box::new(Next { group: next, key, committer, external: description.is_external, reinit })))
}

fn process_commit<C: MlsConfig>(
    next: &mut Group<C>,
    message: &WireMessage,
) -> Result<CommitMessageDescription, MlsError> {
    let received = next.process_incoming_message(MlsMessage::from_bytes(message.bytes())?)?;
    // The content type in clear said commit.
    if let ReceivedMessage::Commit(description) = received {
        Ok(description)
    } else {
        Err(MlsError::UnexpectedMessageType)
    }
}

/// The reason why a message is refused, unless the fault is ours.
pub(super) fn refuse(error: MlsError) -> Result<Reason, GroupError> {
    if is_storage(&error) {
        return Err(error.into());
    }
    let malformed = matches!(error, MlsError::SerializationError(_) | MlsError::UnexpectedMessageType);
    let from_self = matches!(error, MlsError::CantProcessMessageFromSelf);
    Ok(match (malformed, from_self) {
        (true, _) => Reason::Malformed,
        (_, true) => Reason::FromSelf,
        (false, false) => Reason::Invalid,
    })
}

/// What a removed member can still say about a GroupInfo.
fn plausible<C: MlsConfig>(group_info: &WireGroupInfo, group: &Group<C>, committer: u32) -> bool {
    group_info.signer() == committer
        && group_info.group_id() == group.group_id()
        && Some(group_info.epoch().0) == group.current_epoch().checked_add(1)
        && group_info.cipher_suite().0 == u16::from(group.cipher_suite())
}
