//! Receives that wait for a partition to get something, and clients that wait for Welcomes.
//!
//! Waking is lossy by contract: a waiter registers, reads, waits, and reads again now and then even when nobody woke
//! it. Ten thousand waiters are normal, so an entry is small and gone with its last waiter.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::Error;
use crate::{
    sequencer::{GroupKey, UserTag},
    wire::{ClientId, MaskedPartitionKey, ServiceProviderId},
};

/// What a receive waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Awaited {
    /// Messages of a partition.
    Partition(GroupKey, MaskedPartitionKey),
    /// Welcomes for a client.
    Inbox(UserTag, ClientId),
}

impl Awaited {
    /// Differs between most of them.
    fn shard(&self) -> usize {
        let first = match self {
            Self::Partition(_, partition) => partition.as_bytes()[0],
            Self::Inbox(user, _) => user.0[0],
        };
        usize::from(first) % SHARDS
    }
}

/// The registry of waiting receives.
#[derive(Debug)]
pub struct Waiters {
    per_provider_max: AtomicUsize,
    closed: AtomicBool,
    closing: Notify,
    shards: [Mutex<HashMap<Awaited, Entry>>; SHARDS],
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
            per_provider_max: AtomicUsize::new(per_provider_max),
            closed: AtomicBool::new(false),
            closing: Notify::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
            counts: Mutex::default(),
        }
    }

    /// From now on each provider may have so many. Those that wait go on.
    pub fn set_per_provider_max(&self, per_provider_max: usize) {
        self.per_provider_max.store(per_provider_max, Ordering::Relaxed);
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
        self.register_for(provider, Awaited::Partition(*group, *partition))
    }

    /// The same for Welcomes for a client of this provider, `provider`.
    ///
    /// # Errors
    /// As [`Waiters::register`].
    pub fn register_inbox(
        self: &Arc<Self>,
        provider: &ServiceProviderId,
        user: &UserTag,
        client: &ClientId,
    ) -> Result<Waiter, Error> {
        self.register_for(provider, Awaited::Inbox(*user, *client))
    }

    fn register_for(self: &Arc<Self>, provider: &ServiceProviderId, key: Awaited) -> Result<Waiter, Error> {
        {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(provider.clone()).or_default();
            if *count >= self.per_provider_max.load(Ordering::Relaxed) {
                return Err(Error::TooManyWaiting);
            }
            *count += 1;
        }
        let mut shard = self.shard(&key);
        let entry = shard.entry(key).or_insert_with(|| Entry { notify: Arc::new(Notify::new()), waiting: 0 });
        entry.waiting += 1;
        let notify = entry.notify.clone();
        drop(shard);
        Ok(Waiter { waiters: self.clone(), provider: provider.clone(), key, notify })
    }

    /// Wakes everybody who waits for that partition.
    pub fn wake(&self, group: &GroupKey, partition: &MaskedPartitionKey) {
        self.wake_for(Awaited::Partition(*group, *partition));
    }

    /// Wakes everybody who waits for Welcomes for that client.
    pub fn wake_inbox(&self, user: &UserTag, client: &ClientId) {
        self.wake_for(Awaited::Inbox(*user, *client));
    }

    fn wake_for(&self, key: Awaited) {
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

    fn shard(&self, key: &Awaited) -> std::sync::MutexGuard<'_, HashMap<Awaited, Entry>> {
        self.shards[key.shard()].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registered wait.
#[derive(Debug)]
pub struct Waiter {
    waiters: Arc<Waiters>,
    provider: ServiceProviderId,
    key: Awaited,
    notify: Arc<Notify>,
}

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Woken {
    /// There may be something.
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
