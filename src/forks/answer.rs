//! What the server answers to an operator who asks about forks, as JSON.

use serde::{Deserialize, Serialize};

use super::{names::partition_name, notice::Notice, picture::Picture, picture::Shown};
use crate::sequencer::{BranchOutcome, UnixMillis};

/// An answer about one group or branch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// The group.
    Picture(Box<Picture>),
    /// What it would mean to end the branch.
    Notice(Box<Notice>),
    /// The branch was ended, or taken back.
    Done {
        /// How many partitions were marked, or cleared.
        partitions: u64,
        /// Whether that is all. If it is not, it goes on by itself.
        is_done: bool,
    },
    /// It cannot be done.
    Refused {
        /// Why.
        reason: Reason,
        /// The name of the partition with which the branch begins that stands in the way.
        top: Option<String>,
    },
    /// Nothing has that name, or several things do.
    Unnamed {
        /// Whether there are several.
        several: bool,
    },
}

/// Why a branch is not ended, or not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is gone.
    NotThere,
    /// It is the root, or an orphan.
    NotABranch,
    /// It is ended.
    AlreadyTerminated,
    /// It is not ended.
    NotTerminated,
    /// What is above is ended.
    TerminatedAbove,
    /// It was ended too long ago.
    TooLate,
    /// Another branch of the group is under way.
    Busy,
}

impl Reason {
    /// A sentence for the operator.
    pub fn text(self) -> &'static str {
        match self {
            Self::NotThere => "the partition is gone: `restante forks show` tells what is there",
            Self::NotABranch => {
                "that is no branch: it is the root of the group, or an orphan, which ages out by itself if no commit \
                 leads to it"
            }
            Self::AlreadyTerminated => "it is terminated already, with the branch that begins there",
            Self::NotTerminated => "it is not terminated: there is nothing to restore",
            Self::TerminatedAbove => "it hangs below a branch that is terminated: restore that one first",
            Self::TooLate => {
                "it was terminated more than 30 days ago, which cannot be taken back: whoever is on it has to join the \
                 group anew"
            }
            Self::Busy => "another branch of the group is being terminated or restored: try again in a minute",
        }
    }
}

impl Answer {
    /// What became of a branch that was not ended, or not taken back.
    pub fn refused(outcome: BranchOutcome) -> Self {
        let (reason, top) = match outcome {
            BranchOutcome::NotThere => (Reason::NotThere, None),
            BranchOutcome::NotABranch => (Reason::NotABranch, None),
            BranchOutcome::AlreadyTerminated { top } => (Reason::AlreadyTerminated, Some(top)),
            BranchOutcome::NotTerminated => (Reason::NotTerminated, None),
            BranchOutcome::TerminatedAbove { top } => (Reason::TerminatedAbove, Some(top)),
            BranchOutcome::TooLate => (Reason::TooLate, None),
            BranchOutcome::Busy => (Reason::Busy, None),
            BranchOutcome::Spread { partitions, is_done } => {
                return Self::Done { partitions: partitions.into(), is_done };
            }
        };
        Self::Refused { reason, top: top.as_ref().map(partition_name) }
    }
}

/// Groups that show forks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// Some of them.
    pub groups: Vec<Listed>,
    /// What to ask with for more; nothing if there are no more.
    pub after: Option<String>,
}

/// A group that shows forks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its name.
    pub group: String,
    /// What it has shown, each since it was shown first.
    pub evidence: Vec<Shown>,
    /// When a partition last showed something new.
    pub evident_ms: Option<UnixMillis>,
    /// How many branches are ended.
    pub terminated: u32,
}
