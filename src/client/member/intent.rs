//! What a user wants of a group.

use std::fmt;

use crate::client::{NewMember, Payload};

/// Names an intent in [`super::Progress`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IntentId(pub u64);

/// Something to be done in whatever epoch the group is in when its turn comes.
///
/// # Privacy
/// `Debug` shows the kind only.
#[derive(Clone, PartialEq, Eq)]
pub enum Intent {
    /// Say something. Proposals that wait are committed first.
    Send {
        /// What to say.
        data: Payload,
        /// What travels in clear beside it.
        authenticated_data: Vec<u8>,
    },
    /// Add people. Those whose credential is in the group already are left out.
    Add(Vec<NewMember>),
    /// Remove somebody, if still there.
    Remove {
        /// As the identity provider tells it.
        identity: Vec<u8>,
    },
    /// Fresh keys for the own path.
    Update,
    /// Leave: propose the own removal, in each epoch anew until a commit takes it up. What stands behind it is not done.
    Leave,
}

impl fmt::Debug for Intent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Send { .. } => "Send(..)",
            Self::Add(_) => "Add(..)",
            Self::Remove { .. } => "Remove(..)",
            Self::Update => "Update",
            Self::Leave => "Leave",
        })
    }
}

/// As many intents wait as the policy allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the queue of intents is full")]
pub struct QueueFull;

/// An intent in the queue.
pub(super) struct Queued {
    pub(super) id: IntentId,
    pub(super) intent: Intent,
    /// How many of its commits have lost a race.
    pub(super) rebuilds: u32,
}
