//! What a member has achieved, and what stops it.

use super::{Fork, IntentId};
use crate::client::{Event, GroupError, KeepError, Problem, ProblemCode, SaveError, http::CallError};

/// Something that happened, in order.
#[derive(Debug)]
pub enum Progress {
    /// In the group.
    Group(Event),
    /// The hub leads newcomers to a branch that this client is not on. What to do is the user's choice: see [`Fork`].
    Forked(Box<Fork>),
    /// An application message is sequenced.
    Accepted {
        /// Which intent.
        intent: IntentId,
        /// Its index in the partition that it was sent to.
        index: u32,
    },
    /// A commit is applied: what was wanted is done.
    Done {
        /// Which intent.
        intent: IntentId,
    },
    /// There was nothing left to do: the one to add is in, the one to remove is out.
    Moot {
        /// Which intent.
        intent: IntentId,
    },
    /// An intent was given up.
    Dropped {
        /// Which intent.
        intent: IntentId,
        /// Why.
        cause: Cause,
    },
}

/// Why an intent was given up.
#[derive(Debug)]
pub enum Cause {
    /// The hub refused it, and would refuse it again.
    Refused(Problem),
    /// The group cannot do it.
    Impossible(GroupError),
    /// Others were faster, as often as the policy allows.
    Outrun,
    /// This client was removed from the group.
    Removed,
}

/// Why a member stopped. Its queue and the request on its way are kept: call again when it makes sense.
#[derive(Debug, thiserror::Error)]
pub enum MemberError {
    /// The operator of the hub terminated the branch that this client is on. Reading goes on; sending does not.
    ///
    /// Whether to join the group anew, from outside, on another branch, is the user's decision and never taken here
    /// (draft §5: clients MUST NOT do it automatically).
    #[error("the hub has terminated this branch of the group")]
    BranchTerminated,
    /// The exchange failed, after all attempts where repeating made sense.
    #[error(transparent)]
    Call(CallError),
    /// A fault of our own; see [`GroupError`].
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The hub says one thing and delivers another: a commit that it has sequenced cannot be read back.
    #[error("the hub does not deliver what it has sequenced")]
    Stalled,
    /// Take some progress first.
    #[error("too much progress waits to be taken")]
    ProgressFull,
    /// Take what was said first: what is not taken when the group is saved cannot be told after a crash.
    #[error("messages wait to be taken")]
    Untold,
    /// The app's storage failed. Nothing was sent that the group was not saved with.
    #[error("the app's storage failed")]
    Keep(#[source] KeepError),
}

impl From<SaveError> for MemberError {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Group(error) => Self::Group(error),
            SaveError::Keep(error) => Self::Keep(error),
        }
    }
}

impl From<CallError> for MemberError {
    fn from(error: CallError) -> Self {
        let terminated = Some(ProblemCode::BranchTerminated);
        let terminated = matches!(error, CallError::Problem(Problem { code, .. }) if code == terminated);
        if terminated { Self::BranchTerminated } else { Self::Call(error) }
    }
}
