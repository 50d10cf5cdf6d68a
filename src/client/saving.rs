//! What a group needs beside the MLS library's own storage to go on after the process died.

use mls_rs::{Group, client_builder::MlsConfig, group::CommitSecrets};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use zeroize::Zeroizing;

use super::{
    GroupError, PartitionedGroup, committing::StagedCommit, partition::Partition, policy::GroupPolicy,
    sending::Unconfirmed,
};
use crate::{
    mls::{ContentType, EpochNumber},
    wire::{self, PartitionKey, SendRequest, ServiceProviderId},
};

/// Leads the saved bytes; another layout gets another number.
const FORMAT_VERSION: u16 = 1;

#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Saved {
    version: u16,
    partition: SavedPartition,
    previous: Vec<SavedPartition>,
    staged: Vec<SavedCommit>,
    unconfirmed: Vec<SavedMessage>,
    removed: bool,
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
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Writes the MLS group to its own storage, and returns the rest for the app to keep, sealed and replaced as one.
    ///
    /// The MLS library lets go of old epochs' keys only when it writes: a group that is never saved grows with every
    /// commit.
    ///
    /// # Security
    /// The bytes hold partition keys and the secrets of pending commits.
    ///
    /// # Errors
    /// [`GroupError::Storage`]; the bytes kept before are then still the right ones.
    pub fn save(&mut self) -> Result<Zeroizing<Vec<u8>>, GroupError> {
        let commit = |staged: &StagedCommit| -> Result<SavedCommit, GroupError> {
            let (request, abandoned) = (staged.request.clone(), staged.abandoned);
            Ok(SavedCommit { secrets: Zeroizing::new(staged.secrets.to_bytes()?), request, abandoned })
        };
        let message = |message: &Unconfirmed| SavedMessage {
            digest: message.digest,
            proposal: message.content_type == ContentType::Proposal,
        };
        let saved = Saved {
            version: FORMAT_VERSION,
            partition: (&self.partition).into(),
            previous: self.previous.iter().map(Into::into).collect(),
            staged: self.staged.iter().map(commit).collect::<Result<_, _>>()?,
            unconfirmed: self.unconfirmed.iter().map(message).collect(),
            removed: self.removed,
        };
        let bytes = Zeroizing::new(wire::encode(&saved)?);
        self.group.write_to_storage()?;
        Ok(bytes)
    }

    /// Goes on with a group that the MLS library has loaded and the bytes that [`PartitionedGroup::save`] returned.
    ///
    /// When the process died between writing the MLS group and keeping the bytes, the group may be ahead of them: then
    /// reading starts over at the beginning of the group's partition, and messages that were decrypted before the crash
    /// are reported as ignored.
    ///
    /// # Errors
    /// [`GroupError::SavedState`] when the bytes are not readable, or ahead of the group; [`GroupError::OtherHub`].
    pub fn restore(group: Group<C>, hub: ServiceProviderId, saved: &[u8]) -> Result<Self, GroupError> {
        let saved: Saved = wire::decode(saved).map_err(|_| GroupError::SavedState)?;
        let mut restored = Self::new(group, hub)?;
        let policy = restored.partition.policy.clone();
        let partition = saved.partition.under(&policy);
        if saved.version != FORMAT_VERSION || partition.epoch > restored.partition.epoch {
            return Err(GroupError::SavedState);
        }
        restored.previous =
            saved.previous.into_iter().map(|left| left.under(&policy)).take(Self::PREVIOUS_MAX).collect();
        restored.removed = saved.removed;
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
        Self { digest: saved.digest, content_type }
    }
}
