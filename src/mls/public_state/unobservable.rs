//! Why a group's public state is not known.

use mls_rs::error::MlsError;

/// Why one who is no member cannot tell the public state of a group. A closed set, and no word of any message.
///
/// None of these is a fact about the group: members may be able to follow what the hub cannot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Unobservable {
    /// There is no ratchet tree, neither in the GroupInfo nor beside it.
    #[error("there is no ratchet tree")]
    NoTree,
    /// The handshake is encrypted.
    #[error("the handshake is encrypted")]
    Encrypted,
    /// A proposal that the commit refers to was not given, or is not what its signature says.
    #[error("a proposal that is referred to is not known")]
    UnknownProposal,
    /// A proposal of a type whose form is not known.
    #[error("a proposal has a form that is not known")]
    UnknownForm,
    /// It is for another group or epoch, or no commit.
    #[error("it is no commit for this state")]
    Elsewhere,
    /// The group was re-initialized: nothing follows.
    #[error("the group was re-initialized")]
    Reinitialized,
    /// The version or suite is not one of this build.
    #[error("the version or cipher suite is not known")]
    UnknownSuite,
    /// It is larger than what is looked into.
    #[error("it is too large to be looked into")]
    TooLarge,
    /// The bytes are not what RFC 9420 says.
    #[error("it cannot be decoded")]
    Encoding,
    /// A signature does not hold.
    #[error("a signature does not hold")]
    Signature,
    /// The tree does not have the hash that the GroupContext names.
    #[error("the tree is another one")]
    TreeHash,
    /// A rule of RFC 9420 for trees, proposals, commits or paths does not hold.
    #[error("a rule of RFC 9420 does not hold")]
    Invalid,
}

impl Unobservable {
    /// Which of them mls-rs means.
    pub(super) fn of(error: &MlsError) -> Self {
        match error {
            MlsError::RatchetTreeNotFound => Self::NoTree,
            MlsError::ProposalNotFound => Self::UnknownProposal,
            MlsError::GroupIdMismatch | MlsError::InvalidEpoch | MlsError::UnexpectedMessageType => Self::Elsewhere,
            MlsError::GroupUsedAfterReInit => Self::Reinitialized,
            MlsError::UnsupportedCipherSuite(_) | MlsError::UnsupportedProtocolVersion(_) => Self::UnknownSuite,
            MlsError::SerializationError(_) => Self::Encoding,
            MlsError::InvalidSignature => Self::Signature,
            MlsError::TreeHashMismatch => Self::TreeHash,
            _ => Self::Invalid,
        }
    }
}
