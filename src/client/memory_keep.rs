//! Groups that live as long as the process.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use mls_rs::storage_provider::in_memory::InMemoryGroupStateStorage;
use zeroize::Zeroizing;

use super::{Keep, keep::KeepError};

type Kept = HashMap<Vec<u8>, Zeroizing<Vec<u8>>>;

/// Keeps groups in memory, beside the MLS library's storage in memory: for tests, and for apps that start anew each time.
///
/// Clones share what is kept.
///
/// # Privacy
/// `Debug` shows a number only.
#[derive(Clone)]
pub struct MemoryKeep {
    storage: InMemoryGroupStateStorage,
    kept: Arc<Mutex<Kept>>,
    joins: Arc<Mutex<Kept>>,
}

impl MemoryKeep {
    /// `storage` is that of the MLS client whose groups are kept.
    pub fn new(storage: InMemoryGroupStateStorage) -> Self {
        Self { storage, kept: Arc::default(), joins: Arc::default() }
    }

    /// What was kept of a group, for [`super::PartitionedGroup::load`].
    pub fn state(&self, group_id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        locked(&self.kept).get(group_id).cloned()
    }

    /// The join from outside that was kept of a group and whose fate is not known, for
    /// [`Outsider::resume`](super::Outsider::resume).
    pub fn join(&self, group_id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        locked(&self.joins).get(group_id).cloned()
    }

    /// The groups of which something is kept, in no order.
    pub fn group_ids(&self) -> Vec<Vec<u8>> {
        locked(&self.kept).keys().cloned().collect()
    }
}

/// Every write is one call: nothing is half done where somebody has panicked.
fn locked(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Keep for MemoryKeep {
    async fn keep(&mut self, group_id: &[u8], state: &[u8]) -> Result<(), KeepError> {
        locked(&self.kept).insert(group_id.to_vec(), Zeroizing::new(state.to_vec()));
        Ok(())
    }

    async fn forget(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        self.storage.delete_group(group_id);
        locked(&self.kept).remove(group_id);
        Ok(())
    }

    async fn keep_join(&mut self, group_id: &[u8], join: &[u8]) -> Result<(), KeepError> {
        locked(&self.joins).insert(group_id.to_vec(), Zeroizing::new(join.to_vec()));
        Ok(())
    }

    async fn forget_join(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        locked(&self.joins).remove(group_id);
        Ok(())
    }
}

impl fmt::Debug for MemoryKeep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MemoryKeep").field("kept", &locked(&self.kept).len()).finish_non_exhaustive()
    }
}
