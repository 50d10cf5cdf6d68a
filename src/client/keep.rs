//! Where a group is kept beside the MLS library's storage, and in which order the two are written.

use std::future::Future;

use mls_rs::client_builder::MlsConfig;
use zeroize::Zeroizing;

use super::{GroupError, PartitionedGroup};

/// What went wrong in the app's own storage.
pub type KeepError = Box<dyn std::error::Error + Send + Sync>;

/// The app's storage for what a group needs beside the MLS library's.
///
/// # Correctness
/// What a method has done is durable when it returns. A client that sends a request and forgets that it did cannot follow
/// its own commit, uses a key twice that others have wiped, or leaves a leaf in the group that nobody owns.
///
/// # Security
/// States and joins hold partition keys and the secrets of commits: seal them.
pub trait Keep {
    /// Keeps `state` of the group, in the place of what was kept of it before.
    fn keep(&mut self, group_id: &[u8], state: &[u8]) -> impl Future<Output = Result<(), KeepError>> + Send;

    /// Removes the group from the MLS library's storage, with its epochs, if it is there: another state of it is to take
    /// its place, which that storage takes for a mistake otherwise. What was kept of it by [`Keep::keep`] may go as well.
    fn forget(&mut self, group_id: &[u8]) -> impl Future<Output = Result<(), KeepError>> + Send;

    /// Keeps a join from outside that is about to leave the device, in the place of an earlier one of that group, and beside
    /// the group itself if there is one. A process that finds one when it starts goes on with it before it loads the group:
    /// [`Outsider::resume`](super::Outsider::resume).
    fn keep_join(&mut self, group_id: &[u8], join: &[u8]) -> impl Future<Output = Result<(), KeepError>> + Send;

    /// Removes the join that was kept of that group, if there is one, and nothing else.
    fn forget_join(&mut self, group_id: &[u8]) -> impl Future<Output = Result<(), KeepError>> + Send;
}

/// Why a group was not saved. What was saved before is then still the right thing to start from.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The group, or the MLS library's storage.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// The app's storage.
    #[error("the app's storage failed")]
    Keep(#[source] KeepError),
}

/// What the MLS library's storage knows of a group.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing.
    Never,
    /// Nothing, or an older state from which none leads here.
    Other,
    /// An earlier state.
    Before,
}

impl<C: MlsConfig> PartitionedGroup<C> {
    /// Saves the group: what the MLS library knows in its own storage, the rest in `keep`.
    ///
    /// The order is such that a process may die in between. A group that is new is kept first: if the MLS library has
    /// not stored it, it was not joined, and the KeyPackage that opens its Welcome is still there
    /// ([`PartitionedGroup::load`] says so). Later the MLS group is written first: what is kept is then older than the
    /// group, and some messages are read twice. Only new proposals of one's own are kept before that, beside what was kept
    /// before: MLS commits to what it remembers, and nobody else could follow if nobody knew that it is still to be sent.
    ///
    /// # Errors
    /// [`SaveError`]
    pub async fn save<K: Keep>(&mut self, keep: &mut K) -> Result<(), SaveError> {
        let first = match self.stored {
            Stored::Before => self.kept_with_proposals()?,
            Stored::Never | Stored::Other => Some(self.state()?),
        };
        if self.stored == Stored::Other {
            let id = self.group_id().to_vec();
            keep.forget(&id).await.map_err(SaveError::Keep)?;
        }
        let is_new = self.stored != Stored::Before;
        if let Some(first) = first {
            self.keep(first, keep).await?;
        }
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::SaveBeforeWrite);
        self.write()?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::SaveAfterWrite);
        if !is_new {
            let state = self.state()?;
            self.keep(state, keep).await?;
        }
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::SaveAfterKeep);
        Ok(())
    }

    async fn keep<K: Keep>(&mut self, state: Zeroizing<Vec<u8>>, keep: &mut K) -> Result<(), SaveError> {
        let id = self.group_id().to_vec();
        keep.keep(&id, &state).await.map_err(SaveError::Keep)?;
        self.kept = Some(state);
        Ok(())
    }
}
