//! Receives that wait for a partition to get something.
//!
//! Waking is lossy by contract: a waiter registers, reads, waits, and reads again now and then even when nobody woke
//! it. Ten thousand waiters are normal, so an entry is small and gone with its last waiter.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use super::Error;
use crate::{
    sequencer::GroupKey,
    wire::{MaskedPartitionKey, ServiceProviderId},
};

type Partition = (GroupKey, MaskedPartitionKey);

/// The registry of waiting receives.
#[derive(Debug)]
pub struct Waiters {
    per_provider_max: usize,
    closed: AtomicBool,
    closing: Notify,
    shards: [Mutex<HashMap<Partition, Entry>>; SHARDS],
    counts: Mutex<HashMap<ServiceProviderId, usize>>,
}

/// Wakes of different partitions seldom meet in one of so many locks.
const SHARDS: usize = 16;

#[derive(Debug)]
struct Entry {
    notify: Arc<Notify>,
    waiting: usize,
}

impl Waiters {
    /// A registry in which each provider may have so many waiting receives.
    pub fn new(per_provider_max: usize) -> Self {
        Self {
            per_provider_max,
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            counts: Mutex::default(),
        }
    }

    /// Registers a waiter; dropping it ends the wait.
    ///
    /// # Errors
    /// [`Error::TooManyWaiting`] when the provider has its number of waiters.
    pub fn register(
        self: &Arc<Self>,
        provider: &ServiceProviderId,
        group: &GroupKey,
        partition: &MaskedPartitionKey,
    ) -> Result<Waiter, Error> {
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(provider.clone()).or_default();
            if *count >= self.per_provider_max {
                return Err(Error::TooManyWaiting);
            }
            *count += 1;
        }
        let key = (*group, *partition);
        let mut shard = self.shard(&key);
        let entry = shard.entry(key).or_insert_with(|| Entry { notify: Arc::new(Notify::new()), waiting: 0 });
        entry.waiting += 1;
        let notify = entry.notify.clone();
        drop(shard);
        Ok(Waiter { waiters: self.clone(), provider: provider.clone(), key, notify })
    }

    /// Wakes everybody who waits for that partition.
    pub fn wake(&self, group: &GroupKey, partition: &MaskedPartitionKey) {
        let key = (*group, *partition);
        if let Some(entry) = self.shard(&key).get(&key) {
            entry.notify.notify_waiters();
        }
    }

    /// Ends all waits, now and from now on.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.closing.notify_waiters();
    }

    /// Whether all waits have ended for good.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Returns when all waits have ended for good.
    pub async fn closed(&self) {
        let mut closing = std::pin::pin!(self.closing.notified());
        closing.as_mut().enable();
        if !self.is_closed() {
            closing.await;
        }
    }

    /// How many receives wait.
    pub fn waiting(&self) -> usize {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }

    fn shard(&self, key: &Partition) -> std::sync::MutexGuard<'_, HashMap<Partition, Entry>> {
        let [first, ..] = key.1.as_bytes();
        self.shards[usize::from(*first) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered wait.
#[derive(Debug)]
pub struct Waiter {
    waiters: Arc<Waiters>,
    provider: ServiceProviderId,
    key: Partition,
    notify: Arc<Notify>,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// The partition may have got something.
    Maybe,
    /// No more waiting: the service ends.
    Closed,
}

impl Waiter {
    /// Runs `read` after the registration has taken effect, and waits if it found nothing.
    ///
    /// # Correctness
    /// The notification is armed before the read: a message that is sequenced between the two is not missed.
    pub async fn read_or_wait<T, F: Future<Output = Option<T>>>(&self, read: impl FnOnce() -> F) -> Result<T, Woken> {
        let mut woken = std::pin::pin!(self.notify.notified());
        let mut closing = std::pin::pin!(self.waiters.closing.notified());
        woken.as_mut().enable();
        closing.as_mut().enable();
        if let Some(found) = read().await {
            return Ok(found);
        }
        if self.waiters.closed.load(Ordering::Acquire) {
            return Err(Woken::Closed);
        }
        tokio::select! {
            () = woken => Err(Woken::Maybe),
            () = closing => Err(Woken::Closed),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut shard = self.waiters.shard(&self.key);
        if let Some(entry) = shard.get_mut(&self.key) {
            entry.waiting -= 1;
            if entry.waiting == 0 {
                shard.remove(&self.key);
            }
        }
        drop(shard);
        let mut counts = self.waiters.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.provider) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.provider);
            }
        }
    }
}
