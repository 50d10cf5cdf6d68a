//! An app's storage that fails, as when the disk is full or the process dies.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use crate::client::{Keep, KeepError, MemoryKeep};

/// Fails from one of its calls on: before that has done anything, or right after. Clones fail together.
#[derive(Clone)]
pub(super) struct Failing {
    pub(super) keep: MemoryKeep,
    left: Arc<AtomicUsize>,
    does_what_fails: bool,
}

impl Failing {
    /// So many calls go well.
    pub(super) fn after(calls: usize, keep: MemoryKeep, does_what_fails: bool) -> Self {
        Self { keep, left: Arc::new(AtomicUsize::new(calls)), does_what_fails }
    }

    /// From now on all goes well.
    pub(super) fn heal(&self) {
        self.left.store(usize::MAX, Ordering::Relaxed);
    }

    /// Whether to do it, and whether anybody hears of it.
    fn fate(&self) -> (bool, Result<(), KeepError>) {
        match self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)) {
            Ok(_) => (true, Ok(())),
            Err(_) => (self.does_what_fails, Err("the storage has failed".into())),
        }
    }
}

impl Keep for Failing {
    async fn keep(&mut self, group_id: &[u8], state: &[u8]) -> Result<(), KeepError> {
        let (does, fate) = self.fate();
        if does {
            self.keep.keep(group_id, state).await?;
        }
        fate
    }

    async fn forget(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        let (does, fate) = self.fate();
        if does {
            self.keep.forget(group_id).await?;
        }
        fate
    }

    async fn keep_join(&mut self, group_id: &[u8], join: &[u8]) -> Result<(), KeepError> {
        let (does, fate) = self.fate();
        if does {
            self.keep.keep_join(group_id, join).await?;
        }
        fate
    }

    async fn forget_join(&mut self, group_id: &[u8]) -> Result<(), KeepError> {
        let (does, fate) = self.fate();
        if does {
            self.keep.forget_join(group_id).await?;
        }
        fate
    }
}
