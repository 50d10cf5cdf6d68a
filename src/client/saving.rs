//! What a group needs beside the MLS library's own storage to go on after the process died.

use mls_rs::{
    Client, Group, MlsMessage,
    client_builder::MlsConfig,
    error::MlsError,
    group::{CommitSecrets, ReceivedMessage},
};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use zeroize::Zeroizing;

use super::{
    GroupError, PartitionedGroup, committing::StagedCommit, keep::Stored, partition::Partition, policy::GroupPolicy,
    sending::Unconfirmed, verdict::refuse,
};
use crate::{
    mls::{ContentType, EpochNumber},
    wire::{self, Banned, GroupId, MaskedPartitionKey, PartitionKey, SendRequest, ServiceProviderId},
};

/// Leads the saved bytes; another layout gets another number.
const FORMAT_VERSION: u16 = 5;

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Saved {
    version: u16,
    /// Whom the epochs of the partitions ban, each list once.
    policies: Vec<Banned>,
    partition: SavedPartition,
    previous: Vec<SavedPartition>,
    trail: Vec<MaskedPartitionKey>,
    staged: Vec<SavedCommit>,
    unconfirmed: Vec<SavedMessage>,
    /// Proposals that were made since, and that MLS remembers if it was stored since.
    proposed: Vec<SendRequest>,
    #[mls_codec(with = "crate::wire::flag")]
    removed: bool,
    doubted: Option<EpochNumber>,
    welcome: Option<[u8; 32]>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedPartition {
    key: PartitionKey,
    epoch: EpochNumber,
    counter: u32,
    last_commit: Option<u32>,
    #[mls_codec(with = "crate::wire::flag")]
    has_gap: bool,
    /// Which of the lists is its epoch's.
    policy: u32,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedCommit {
    #[mls_codec(with = "byte_vec")]
    secrets: Zeroizing<Vec<u8>>,
    request: SendRequest,
    #[mls_codec(with = "crate::wire::flag")]
    abandoned: bool,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedMessage {
    digest: [u8; 32],
    #[mls_codec(with = "crate::wire::flag")]
    proposal: bool,
    request: Option<SendRequest>,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// What the group needs beside the MLS library's storage to go on after the process died.
    ///
    /// # Security
    /// The bytes hold partition keys and the secrets of pending commits.
    ///
    /// # Errors
    /// What cannot be encoded, which does not happen.
    pub(super) fn state(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let commit = |staged: &StagedCommit| -> Result<SavedCommit, GroupError> {
            let (request, abandoned) = (staged.request.clone(), staged.abandoned);
            Ok(SavedCommit { secrets: Zeroizing::new(staged.secrets.to_bytes()?), request, abandoned })
        };
        let message = |message: &Unconfirmed| SavedMessage {
            digest: message.digest,
            proposal: message.content_type == ContentType::Proposal,
            request: message.request.clone(),
        };
        let mut policies = Vec::new();
        let saved = Saved {
            version: FORMAT_VERSION,
            partition: SavedPartition::of(&self.partition, &mut policies),
            previous: self.previous.iter().map(|left| SavedPartition::of(left, &mut policies)).collect(),
            policies: policies.iter().map(GroupPolicy::to_list).collect(),
            trail: self.trail.iter().copied().collect(),
            staged: self.staged.iter().map(commit).collect::<Result<_, _>>()?,
            unconfirmed: self.unconfirmed.iter().map(message).collect(),
            proposed: Vec::new(),
            removed: self.removed,
            doubted: self.doubted,
            welcome: self.welcome,
        };
        Ok(Zeroizing::new(wire::encode(&saved)?))
    }

    /// What was kept of the group last, and the proposals that are on their way: what to keep before MLS stores one of them
    /// for the first time. `None`: it has stored them all.
    pub(super) fn kept_with_proposals(&self) -> Result<Option<Zeroizing<Vec<u8>>>, GroupError> {
        let is_new = self.unconfirmed.iter().any(|message| message.request.is_some() && !message.written);
        let Some(kept) = self.kept.as_ref().filter(|_| is_new) else { return Ok(None) };
        let kept = Saved::parse(kept)?;
        let proposed = self.pending_proposals().cloned().collect();
        Ok(Some(Zeroizing::new(wire::encode(&Saved { proposed, ..kept })?)))
    }

    /// Writes the MLS group to its own storage. The KeyPackage that it was joined with goes.
    ///
    /// The MLS library lets go of old epochs' keys only when it writes: a group that is never saved grows with every
    /// commit.
    ///
    /// # Errors
    /// [`GroupError::Storage`]
    pub(super) fn write(&mut self) -> Result<(), GroupError> {
        self.group.write_to_storage()?;
        self.stored = Stored::Before;
        for message in &mut self.unconfirmed {
            message.written = true;
        }
        Ok(())
    }

    /// Goes on after a restart with what was kept of a group. `None`: the MLS library has not stored it. Then the process
    /// died while the group was saved for the first time: nothing was sent, a Welcome to it was not used and is still in
    /// the inbox, and what was kept is of no use.
    ///
    /// # Errors
    /// As [`PartitionedGroup::restore`]; [`GroupError::Storage`].
    pub fn load(client: &Client<C>, group_id: &[u8], state: &[u8]) -> Result<Option<Self>, GroupError> {
        let hub = GroupId::parse(group_id).ok_or(GroupError::OtherHub)?.hub().clone();
        match client.load_group(group_id) {
            Ok(group) => Self::restore(group, hub, state).map(Some),
            Err(MlsError::GroupNotFound) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Goes on with a group that the MLS library has loaded and what was kept of it.
    ///
    /// When the process died between writing the MLS group and keeping the rest, the group may be ahead of it: then
    /// reading starts over at the beginning of the group's partition, and messages that were decrypted before the crash
    /// are reported as ignored.
    ///
    /// # Errors
    /// [`GroupError::SavedState`] when the bytes are not readable, or ahead of the group; [`GroupError::OtherHub`].
    pub fn restore(group: Group<C>, hub: ServiceProviderId, kept: &[u8]) -> Result<Self, GroupError> {
        let saved = Saved::parse(kept)?;
        let mut restored = Self { stored: Stored::Before, ..Self::new(group, hub)? };
        let policies: Vec<GroupPolicy> = saved.policies.into_iter().map(Into::into).collect();
        let partition = saved.partition.under(&policies)?;
        if partition.epoch > restored.partition.epoch {
            return Err(GroupError::SavedState);
        }
        restored.kept = Some(Zeroizing::new(kept.to_vec()));
        let previous = saved.previous.into_iter().map(|left| left.under(&policies)).take(Self::PREVIOUS_MAX);
        restored.previous = previous.collect::<Result<_, _>>()?;
        restored.removed = saved.removed;
        // Long ago is of no interest.
        let recent = restored.partition.epoch.0.saturating_sub(Self::PREVIOUS_MAX as u64);
        restored.doubted = saved.doubted.filter(|doubted| doubted.0 >= recent);
        restored.welcome = saved.welcome;
        restored.unconfirmed =
            saved.unconfirmed.into_iter().map(Unconfirmed::from).take(Self::UNCONFIRMED_MAX).collect();
        if partition.epoch < restored.partition.epoch {
            if restored.previous.len() == Self::PREVIOUS_MAX {
                restored.previous.pop_front();
            }
            restored.previous.push_back(partition);
            restored.unconfirmed.retain(|message| message.content_type != ContentType::Proposal);
        } else if partition.key == restored.partition.key {
            let epoch = partition.epoch;
            restored.trail = saved.trail.into();
            restored.partition = partition;
            for staged in saved.staged.into_iter().take(Self::STAGED_MAX) {
                restored.staged.push(StagedCommit {
                    digest: staged.request.message.digest(),
                    epoch,
                    secrets: CommitSecrets::from_bytes(&staged.secrets).map_err(|_| GroupError::SavedState)?,
                    request: staged.request,
                    abandoned: staged.abandoned,
                });
            }
        } else {
            return Err(GroupError::SavedState);
        }
        restored.resume(saved.proposed)?;
        Ok(restored)
    }

    /// Takes up those of the proposals that MLS remembers. The others were not sent, and nothing is left of them.
    fn resume(&mut self, proposed: Vec<SendRequest>) -> Result<(), GroupError> {
        for request in proposed.into_iter().take(Self::UNCONFIRMED_MAX) {
            let digest = request.message.digest();
            let is_known = self.unconfirmed.iter().any(|message| message.digest == digest);
            if !is_known && self.remembers(&request)? {
                self.note(&request, true);
            }
        }
        Ok(())
    }

    /// Whether a commit of this client would take up that proposal of its own.
    fn remembers(&self, proposal: &SendRequest) -> Result<bool, GroupError> {
        let mut probe = self.group.clone();
        let remembered = probe.get_cached_proposals().len();
        // One that is new would be remembered from here on.
        match MlsMessage::from_bytes(proposal.message.bytes())
            .and_then(|message| probe.process_incoming_message(message))
        {
            Ok(received) => {
                Ok(matches!(received, ReceivedMessage::Proposal(_)) && probe.get_cached_proposals().len() == remembered)
            }
            Err(error) => refuse(error).map(|_reason| false),
        }
    }
}

/// Whether it is what [`PartitionedGroup::restore`] reads, as far as can be told without the group.
///
/// # Errors
/// [`GroupError::SavedState`]
pub(super) fn check(kept: &[u8]) -> Result<(), GroupError> {
    Saved::parse(kept).map(drop)
}

impl Saved {
    fn parse(kept: &[u8]) -> Result<Self, GroupError> {
        let saved: Self = wire::decode(kept).map_err(|_| GroupError::SavedState)?;
        if saved.version == FORMAT_VERSION { Ok(saved) } else { Err(GroupError::SavedState) }
    }
}

impl SavedPartition {
    /// `policies` are those of the partitions that are saved before it.
    fn of(partition: &Partition, policies: &mut Vec<GroupPolicy>) -> Self {
        let Partition { key, epoch, counter, last_commit, has_gap, policy } = partition.clone();
        let at = policies.iter().position(|known| *known == policy).unwrap_or_else(|| {
            policies.push(policy);
            policies.len() - 1
        });
        // One for each partition at most.
        let policy = u32::try_from(at).unwrap_or(u32::MAX);
        Self { key, epoch, counter, last_commit, has_gap, policy }
    }

    fn under(self, policies: &[GroupPolicy]) -> Result<Partition, GroupError> {
        let Self { key, epoch, counter, last_commit, has_gap, policy } = self;
        let policy = policies.get(policy as usize).ok_or(GroupError::SavedState)?.clone();
        Ok(Partition { key, epoch, counter, last_commit, has_gap, policy })
    }
}

impl From<SavedMessage> for Unconfirmed {
    fn from(saved: SavedMessage) -> Self {
        let content_type = if saved.proposal { ContentType::Proposal } else { ContentType::Application };
        Self { digest: saved.digest, content_type, request: saved.request, written: true }
    }
}

/// Reads what was saved, and saves it again.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn written_again(saved: &[u8]) -> Result<Zeroizing<Vec<u8>>, wire::DecodeError> {
    let saved: Saved = wire::decode(saved)?;
    Ok(Zeroizing::new(wire::encode(&saved).expect("it has been encoded before")))
}
