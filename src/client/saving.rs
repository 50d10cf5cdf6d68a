//! What a group needs beside the MLS library's own storage to go on after the process died.

use mls_rs::{Client, Group, client_builder::MlsConfig, error::MlsError, group::CommitSecrets};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use zeroize::Zeroizing;

use super::{
    GroupError, PartitionedGroup, committing::StagedCommit, keep::Stored, partition::Partition, policy::GroupPolicy,
    sending::Unconfirmed,
};
use crate::{
    mls::{ContentType, EpochNumber},
    wire::{self, ExternalJoinRequest, GroupId, MaskedPartitionKey, PartitionKey, SendRequest, ServiceProviderId},
};

/// Leads the saved bytes; another layout gets another number.
const FORMAT_VERSION: u16 = 2;

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Saved {
    version: u16,
    partition: SavedPartition,
    previous: Vec<SavedPartition>,
    trail: Vec<MaskedPartitionKey>,
    staged: Vec<SavedCommit>,
    unconfirmed: Vec<SavedMessage>,
    removed: bool,
    joining: Option<ExternalJoinRequest>,
    welcome: Option<[u8; 32]>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedPartition {
    key: PartitionKey,
    epoch: EpochNumber,
    counter: u32,
    last_commit: Option<u32>,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedCommit {
    #[mls_codec(with = "byte_vec")]
    secrets: Zeroizing<Vec<u8>>,
    request: SendRequest,
    abandoned: bool,
}

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct SavedMessage {
    digest: [u8; 32],
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
    pub fn state(&self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let commit = |staged: &StagedCommit| -> Result<SavedCommit, GroupError> {
            let (request, abandoned) = (staged.request.clone(), staged.abandoned);
            Ok(SavedCommit { secrets: Zeroizing::new(staged.secrets.to_bytes()?), request, abandoned })
        };
        let message = |message: &Unconfirmed| SavedMessage {
            digest: message.digest,
            proposal: message.content_type == ContentType::Proposal,
            request: message.request.clone(),
        };
        let saved = Saved {
            version: FORMAT_VERSION,
            partition: (&self.partition).into(),
            previous: self.previous.iter().map(Into::into).collect(),
            trail: self.trail.iter().copied().collect(),
            staged: self.staged.iter().map(commit).collect::<Result<_, _>>()?,
            unconfirmed: self.unconfirmed.iter().map(message).collect(),
            removed: self.removed,
            joining: self.joining.clone(),
            welcome: self.welcome,
        };
        Ok(Zeroizing::new(wire::encode(&saved)?))
    }

    /// Writes the MLS group to its own storage. The KeyPackage that it was joined with goes.
    ///
    /// The MLS library lets go of old epochs' keys only when it writes: a group that is never saved grows with every
    /// commit.
    ///
    /// # Errors
    /// [`GroupError::Storage`]
    pub fn write(&mut self) -> Result<(), GroupError> {
        self.group.write_to_storage()?;
        self.stored = Stored::Before;
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

    /// Goes on with a group that the MLS library has loaded and its [`PartitionedGroup::state`].
    ///
    /// When the process died between writing the MLS group and keeping the bytes, the group may be ahead of them: then
    /// reading starts over at the beginning of the group's partition, and messages that were decrypted before the crash
    /// are reported as ignored.
    ///
    /// # Errors
    /// [`GroupError::SavedState`] when the bytes are not readable, or ahead of the group; [`GroupError::OtherHub`].
    pub fn restore(group: Group<C>, hub: ServiceProviderId, saved: &[u8]) -> Result<Self, GroupError> {
        let saved: Saved = wire::decode(saved).map_err(|_| GroupError::SavedState)?;
        let mut restored = Self { stored: Stored::Before, ..Self::new(group, hub)? };
        let policy = restored.partition.policy.clone();
        let partition = saved.partition.under(&policy);
        if saved.version != FORMAT_VERSION || partition.epoch > restored.partition.epoch {
            return Err(GroupError::SavedState);
        }
        restored.previous =
            saved.previous.into_iter().map(|left| left.under(&policy)).take(Self::PREVIOUS_MAX).collect();
        restored.removed = saved.removed;
        restored.welcome = saved.welcome;
        restored.unconfirmed =
            saved.unconfirmed.into_iter().map(Unconfirmed::from).take(Self::UNCONFIRMED_MAX).collect();
        if partition.epoch < restored.partition.epoch {
            if restored.previous.len() == Self::PREVIOUS_MAX {
                restored.previous.pop_front();
            }
            restored.previous.push_back(partition);
            restored.unconfirmed.retain(|message| message.content_type != ContentType::Proposal);
            return Ok(restored);
        }
        if partition.key != restored.partition.key {
            return Err(GroupError::SavedState);
        }
        let epoch = partition.epoch;
        restored.trail = saved.trail.into();
        restored.partition = partition;
        restored.joining = saved.joining;
        for staged in saved.staged.into_iter().take(Self::STAGED_MAX) {
            restored.staged.push(StagedCommit {
                digest: staged.request.message.digest(),
                epoch,
                secrets: CommitSecrets::from_bytes(&staged.secrets).map_err(|_| GroupError::SavedState)?,
                request: staged.request,
                abandoned: staged.abandoned,
            });
        }
        Ok(restored)
    }
}

impl From<&Partition> for SavedPartition {
    fn from(partition: &Partition) -> Self {
        let Partition { key, epoch, counter, last_commit, policy: _ } = partition.clone();
        Self { key, epoch, counter, last_commit }
    }
}

impl SavedPartition {
    /// With the policy of the group as it is: that of an epoch that the group has left is not saved.
    fn under(self, policy: &GroupPolicy) -> Partition {
        let Self { key, epoch, counter, last_commit } = self;
        Partition { key, epoch, counter, last_commit, policy: policy.clone() }
    }
}

impl From<SavedMessage> for Unconfirmed {
    fn from(saved: SavedMessage) -> Self {
        let content_type = if saved.proposal { ContentType::Proposal } else { ContentType::Application };
        Self { digest: saved.digest, content_type, request: saved.request }
    }
}
