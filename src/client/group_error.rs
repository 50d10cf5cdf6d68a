//! Why a group could not make a request or take a response.

use mls_rs::error::MlsError;

use crate::{mls::Unobservable, wire::DecodeError};

/// An operation on a [`super::PartitionedGroup`] failed. Bad messages of others are no errors but
/// [`super::Event::Ignored`].
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// The group id names another hub than the one that it came from, or none.
    #[error("the group id was not minted by this hub")]
    OtherHub,
    /// The Welcome is for KeyPackages whose private keys this client does not have (any more).
    #[error("the KeyPackage of the Welcome was used or is not this client's")]
    KeyPackageGone,
    /// The group is stored in the very epoch that the Welcome leads to: this client has joined before.
    #[error("this client has joined from this Welcome")]
    AlreadyJoined,
    /// A group of this id is stored, and the Welcome would take its place.
    #[error("a group of this id is there already")]
    KnownGroup,
    /// What the hub gave to join with is another group's.
    #[error("the GroupInfo is another group's")]
    OtherGroup,
    /// The GroupInfo, or the tree that came with it, does not hold together.
    #[error("the GroupInfo is not valid")]
    GroupInfo(#[source] Unobservable),
    /// A commit removed this client from the group.
    #[error("this client was removed from the group")]
    Removed,
    /// The group bans this client, or somebody to whom the request would give a leaf (specs/protocol.md, Y7): everybody would
    /// ignore it.
    #[error("the group's policy forbids it")]
    Forbidden,
    /// The hub no longer has messages of the epoch that this client has not read ([`super::Event::Gap`]). Others may have
    /// gone on by one of them, and nobody would follow a commit: only a new Welcome or an external join leads back.
    #[error("messages of this epoch are gone, and others with them")]
    Gap,
    /// Proposals were read: commit them before sending application messages (RFC 9420 §12.4).
    #[error("proposals wait for a commit")]
    CommitRequired,
    /// A commit was made in this epoch and neither read back nor abandoned.
    #[error("a commit is pending in this epoch")]
    CommitPending,
    /// As many commits of this epoch were abandoned as this client keeps secrets for.
    #[error("too many commits were abandoned in this epoch")]
    TooManyCommits,
    /// A proposal of one's own was not read back yet. A commit that refers to it would be unreadable for everybody who
    /// does not get the proposal first.
    #[error("a proposal of this client has not been read back from the hub")]
    ProposalUnconfirmed,
    /// As many proposals of this client were not read back as it remembers.
    #[error("too many proposals of this client have not been read back")]
    TooManyProposals,
    /// The proposals cannot be abandoned because others' proposals wait beside them: their commit will end the epoch.
    #[error("proposals of others wait beside the one to abandon")]
    ProposalsOfOthers,
    /// The MLS rules in use make one Welcome for each new member; the draft carries one for all of them.
    #[error("the commit has several Welcomes; set CommitOptions::single_welcome_message in the MLS rules")]
    SeveralWelcomes,
    /// The Welcome is addressed to a KeyPackage whose provider was not named.
    #[error("the provider of a new member was not given")]
    ProviderMissing,
    /// No hash for the KeyPackageRef of this cipher suite is known.
    #[error("the cipher suite is not supported")]
    UnsupportedSuite,
    /// The response answers a request for a partition that the group does not know (any more).
    #[error("the response is for another partition than the group reads")]
    OtherPartition,
    /// Saved bytes that are not from this version of the library, damaged, or of another group.
    #[error("the saved state is of another version of the library, damaged, or of another group")]
    SavedState,
    /// The MLS exporter gave a secret of another length than was asked for.
    #[error("the exported secret has the wrong length")]
    ExporterLength,
    /// A value could not be put on the wire, or what the MLS library made is not what the draft carries.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
    /// A store behind the MLS library failed. The message at which it happened was not consumed: try again.
    #[error("the MLS library's storage failed")]
    Storage(#[source] MlsError),
    /// The MLS library refused.
    #[error(transparent)]
    Mls(MlsError),
}

impl From<MlsError> for GroupError {
    fn from(error: MlsError) -> Self {
        if matches!(error, MlsError::CommitRequired) {
            Self::CommitRequired
        } else if is_storage(&error) {
            Self::Storage(error)
        } else {
            Self::Mls(error)
        }
    }
}

/// Whether our own store failed, which says nothing about the message at hand.
pub(super) fn is_storage(error: &MlsError) -> bool {
    matches!(error, MlsError::GroupStorageError(_) | MlsError::KeyPackageRepoError(_) | MlsError::PskStoreError(_))
}

impl From<mls_rs_codec::Error> for GroupError {
    fn from(error: mls_rs_codec::Error) -> Self {
        Self::Encoding(error.into())
    }
}
