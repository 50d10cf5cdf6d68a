//! Joining a group from a Welcome that waited in the inbox (draft §4.3, specs/protocol.md G7).

use mls_rs::{Client, Group, MlsMessage, client_builder::MlsConfig, error::MlsError, group::ExportedTree};

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{GroupError, PartitionedGroup, keep::Stored};
use crate::wire::{InboxEntry, InboxOutcome};

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Joins the group that an entry welcomes this client to.
    ///
    /// [`PartitionedGroup::save`] the group, and then acknowledge the entry: a process that dies before that sees it again.
    /// What to acknowledge after an error tells [`GroupError::inbox_outcome`].
    ///
    /// The KeyPackage's private keys go when the MLS library stores the group. What is kept in the app's storage comes
    /// before that, so that there is no moment at which neither the group nor the Welcome is of use.
    ///
    /// # Security
    /// Anybody who is in a group can have a Welcome sent to a member of it that leads into another group of the same id. So
    /// nothing takes the place of a group that the MLS library has stored: [`GroupError::KnownGroup`].
    ///
    /// # Errors
    /// [`GroupError::OtherHub`] when the group's id does not name the hub that delivered; [`GroupError::KeyPackageGone`];
    /// [`GroupError::AlreadyJoined`]; [`GroupError::KnownGroup`]; [`GroupError::Storage`]; the MLS library's for what is no good Welcome.
    pub fn join(client: &Client<C>, entry: &InboxEntry) -> Result<Self, GroupError> {
        let group = open(client, entry)?;
        match client.load_group(group.group_id()) {
            Ok(stored) if are_one(&stored, &group)? => Err(GroupError::AlreadyJoined),
            Ok(_other) => Err(GroupError::KnownGroup),
            Err(MlsError::GroupNotFound) => Self::welcomed(group, entry),
            Err(error) => Err(error.into()),
        }
    }

    /// The same where a group of that id may be stored: saving this one replaces it. Save it before it reads anything: the
    /// MLS library does not follow a commit while its storage has another past of the group.
    ///
    /// For somebody who was removed and is welcomed back, or whose stored state is of no use any more. Like a join from
    /// outside, that is the user's decision.
    ///
    /// # Errors
    /// As [`PartitionedGroup::join`], without [`GroupError::KnownGroup`].
    pub fn rejoin(client: &Client<C>, entry: &InboxEntry) -> Result<Self, GroupError> {
        let joined = Self::welcomed(open(client, entry)?, entry)?;
        Ok(Self { stored: Stored::Other, ..joined })
    }

    /// Whether this client joined the group from that very Welcome. After a crash before it was acknowledged it comes again:
    /// if [`PartitionedGroup::join`] says [`GroupError::KnownGroup`], because the stored group has moved on since, this
    /// tells that there is nothing to decide.
    pub fn was_joined_from(&self, entry: &InboxEntry) -> bool {
        self.welcome == Some(digest(entry))
    }

    fn welcomed(group: Group<C>, entry: &InboxEntry) -> Result<Self, GroupError> {
        Ok(Self { welcome: Some(digest(entry)), ..Self::new(group, entry.hub.clone())? })
    }
}

fn digest(entry: &InboxEntry) -> [u8; 32] {
    Sha256::digest(entry.welcome.bytes()).into()
}

/// Whether two states are one: only members of an epoch know its authenticator (RFC 9420 §8.7).
fn are_one<C: MlsConfig>(stored: &Group<C>, joined: &Group<C>) -> Result<bool, MlsError> {
    Ok(stored.current_epoch() == joined.current_epoch()
        && bool::from(stored.epoch_authenticator()?.as_bytes().ct_eq(joined.epoch_authenticator()?.as_bytes())))
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
    /// A KeyPackage whose private key is gone will never open anything: it is as good as used up. What the app's identity
    /// provider or MLS rules refuse, and what lacks a pre-shared key, is not dropped: they may not have been able to tell,
    /// or know better next time. An app whose provider has said no for good acknowledges `dropped` itself.
    pub fn inbox_outcome(&self) -> Option<InboxOutcome> {
        match self {
            Self::KeyPackageGone | Self::AlreadyJoined => Some(InboxOutcome::Joined),
            Self::Storage(_) | Self::KnownGroup => None,
            Self::Mls(error) if is_undecided(error) => None,
            Self::OtherHub
            | Self::OtherGroup
            | Self::GroupInfo(_)
            | Self::Removed
            | Self::Forbidden
            | Self::Gap
            | Self::CommitRequired
            | Self::CommitPending
            | Self::TooManyCommits
            | Self::ProposalUnconfirmed
            | Self::TooManyProposals
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

/// Whether it was the app's parts that did not let the Welcome through. A ciphertext that does not open is the Welcome's own
/// fault, though the MLS library calls that an error of the crypto provider.
fn is_undecided(error: &MlsError) -> bool {
    matches!(
        error,
        MlsError::IdentityProviderError(_)
            | MlsError::MlsRulesError(_)
            | MlsError::MissingRequiredPsk
            | MlsError::OldGroupStateNotFound
    )
}
