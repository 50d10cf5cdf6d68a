//! Why a well-formed command is refused.

use super::Fact;
use crate::mls::{NotAnExternalCommit, NotAnExternalProposal};

/// Which size was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SizeLimit {
    /// Of an application message.
    Application(usize),
    /// Of a proposal or commit.
    Handshake(usize),
    /// Of a Welcome.
    Welcome(usize),
    /// Of a GroupInfo.
    GroupInfo(usize),
}

/// An ordinary outcome: the command is understood and not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// No such group.
    UnknownGroup,
    /// The group was deleted.
    GroupDeleted,
    /// Another creation request took the id.
    GroupExists,
    /// The id was not minted for this user, or a day ago.
    GroupIdNotReserved,
    /// The operator has ended the branch on which the partition is.
    BranchTerminated,
    /// The partition has used up its 2^32 - 1 indexes.
    PartitionFull,
    /// A commit is there that the sender did not know of.
    CommitConflict,
    /// A GroupInfo without a tree that the hub cannot infer.
    RatchetTreeRequired,
    /// A GroupInfo that cannot be that of the epoch which the commit creates.
    GroupInfoMismatch,
    /// `service_providers` does not match the Welcome's secrets, or a KeyPackageRef stands twice.
    WelcomeProviderMismatch,
    /// A Welcome for a provider that is no peer.
    UnknownProvider,
    /// A provider takes the Welcome for none of its KeyPackages.
    WelcomeRefused,
    /// An external join that has not the form of an external commit.
    NotAnExternalCommit(NotAnExternalCommit),
    /// An external join with a Welcome.
    WelcomeInJoin,
    /// An external proposal that has not the form of one.
    NotAnExternalProposal(NotAnExternalProposal),
    /// The signature of an external proposal does not hold.
    InvalidSignature,
    /// An external commit or proposal that fits no head.
    StaleJoin,
    /// The operator's policy, for a fact that is known without doubt.
    Denied(Fact),
    /// The operator wants no groups of that suite.
    UnsupportedSuite,
    /// There is no GroupInfo, or not for the asker.
    NoGroupInfo,
    /// A message over its size.
    TooLarge(SizeLimit),
    /// The submitting provider's budget is used up.
    RateLimited {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
}

/// Why [`super::sequence`] gave no transition.
#[derive(Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// The command was refused.
    Rejected(Rejection),
    /// The state could not be read.
    State(E),
}

impl<E> From<Rejection> for Refusal<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
