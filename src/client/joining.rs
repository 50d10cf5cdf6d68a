//! Joining a group from a Welcome that waited in the inbox (draft §4.3, specs/protocol.md G7).

use mls_rs::{Client, Group, MlsMessage, client_builder::MlsConfig, error::MlsError, group::ExportedTree};

use super::{GroupError, PartitionedGroup};
use crate::wire::{InboxEntry, InboxOutcome};

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Joins the group that an entry welcomes this client to.
    ///
    /// [`PartitionedGroup::save`] the group and keep its bytes, and then acknowledge the entry: a process that dies before
    /// that sees it again. What to acknowledge after an error tells [`GroupError::inbox_outcome`].
    ///
    /// # Security
    /// Anybody who is in a group can have a Welcome sent to a member of it that leads into another group of the same id. So
    /// nothing takes the place of a group that the MLS library has stored: [`GroupError::KnownGroup`].
    ///
    /// # Errors
    /// [`GroupError::OtherHub`] when the group's id does not name the hub that delivered; [`GroupError::KeyPackageGone`];
    /// [`GroupError::KnownGroup`]; [`GroupError::Storage`]; the MLS library's for what is no good Welcome.
    pub fn join(client: &Client<C>, entry: &InboxEntry) -> Result<Self, GroupError> {
        let group = open(client, entry)?;
        match client.load_group(group.group_id()) {
            Ok(_stored) => Err(GroupError::KnownGroup),
            Err(MlsError::GroupNotFound) => Self::new(group, entry.hub.clone()),
            Err(error) => Err(error.into()),
        }
    }

    /// The same where a group of that id may be stored: saving this one replaces it.
    ///
    /// For somebody who was removed and is welcomed back, or whose stored state is of no use any more. Like a join from
    /// outside, that is the user's decision.
    ///
    /// # Errors
    /// As [`PartitionedGroup::join`], without [`GroupError::KnownGroup`].
    pub fn rejoin(client: &Client<C>, entry: &InboxEntry) -> Result<Self, GroupError> {
        Self::new(open(client, entry)?, entry.hub.clone())
    }
}

fn open<C: MlsConfig>(client: &Client<C>, entry: &InboxEntry) -> Result<Group<C>, GroupError> {
    let welcome = MlsMessage::from_bytes(entry.welcome.bytes())?;
    let tree = entry.ratchet_tree.as_ref().map(|tree| ExportedTree::from_bytes(tree.bytes())).transpose()?;
    let joined = client.join_group(tree, &welcome, None);
    let (group, _info) = joined.map_err(|error| match error {
        MlsError::WelcomeKeyPackageNotFound => GroupError::KeyPackageGone,
        error => error.into(),
    })?;
    Ok(group)
}

impl GroupError {
    /// What to acknowledge an entry with that could not be joined from; `None` when it is to be tried again, or when the
    /// user has to decide.
    ///
    /// A KeyPackage whose private key is gone will never open anything: it is as good as used up.
    pub fn inbox_outcome(&self) -> Option<InboxOutcome> {
        match self {
            Self::KeyPackageGone => Some(InboxOutcome::Joined),
            Self::Storage(_) | Self::KnownGroup => None,
            Self::OtherHub
            | Self::OtherGroup
            | Self::Removed
            | Self::CommitRequired
            | Self::CommitPending
            | Self::TooManyCommits
            | Self::ProposalUnconfirmed
            | Self::ProposalsOfOthers
            | Self::SeveralWelcomes
            | Self::ProviderMissing
            | Self::UnsupportedSuite
            | Self::OtherPartition
            | Self::SavedState
            | Self::ExporterLength
            | Self::Encoding(_)
            | Self::Mls(_) => Some(InboxOutcome::Dropped),
        }
    }
}
