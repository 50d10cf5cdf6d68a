//! The gateway's private keys: where they are kept, how they follow each other, and which are live.
//!
//! A folder holds one sealed file. Whatever changes is written and synced before it is published, so a key that a client
//! has seen is never forgotten by a crash, and the list is the same bytes after a restart and on every process that
//! shares the folder. Several processes may change them: each change is made under a lock, to what the file says then. One
//! at a time serves with them, because each knows only the copies of what it has answered itself.
//!
//! # Security
//! Secrets are sealed at rest and wiped in memory. A key that its time is over for is left out at the next write.

mod codec;
mod error;
mod file;
#[cfg(feature = "fuzzing")]
mod fuzzed;
mod record;
mod ring;
mod seal_key;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod together;

use std::{
    path::Path,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

pub use error::KeyringError;
use file::{KeyringFile, Serving};
#[cfg(feature = "fuzzing")]
pub use fuzzed::keyring_again;
pub use record::{KeyDescription, KeyState};
use ring::Ring;
pub use ring::RotationSchedule;
pub use seal_key::SealKey;
pub use table::{BEFORE_RETIRING, after_a_change};

use crate::{hpke::Kem, live_keys::LiveKeys, machine::Surroundings};

/// The keys of a gateway.
pub struct Keyring {
    file: KeyringFile,
    schedule: RotationSchedule,
    published: RwLock<Published>,
    serving: Option<Serving>,
    /// Refreshes that failed since the last that did not.
    failures: AtomicU32,
}

/// No refresh waits longer for the next one.
const REST_MAX: Duration = Duration::from_secs(60);

struct Published {
    live: Arc<LiveKeys>,
    next_change_ms: u64,
}

impl Keyring {
    /// Opens the keyring of a folder. The first time, the folder, the seal key and a first key are made.
    ///
    /// # Errors
    /// Files that cannot be read or written, that others may read, that another seal key sealed or that are damaged.
    pub fn open(
        folder: &Path,
        seal_key_file: &Path,
        schedule: RotationSchedule,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyringError> {
        let file = KeyringFile::open(folder, seal_key_file, surroundings)?;
        let live = Arc::new(LiveKeys::new(Vec::new(), &[]));
        let published = RwLock::new(Published { live, next_change_ms: 0 });
        let keyring = Self { file, schedule, published, serving: None, failures: AtomicU32::new(0) };
        keyring.refresh(surroundings)?;
        Ok(keyring)
    }

    /// Says that this process answers requests with these keys, for as long as the keyring is open. Others may still
    /// change them.
    ///
    /// # Errors
    /// Another process does already. Each would let through copies of what the other one has answered.
    pub fn serving(mut self) -> Result<Self, KeyringError> {
        self.serving = Some(self.file.serve()?);
        Ok(self)
    }

    /// Whether a folder holds a keyring.
    #[must_use]
    pub fn exists(folder: &Path) -> bool {
        KeyringFile::exists(folder)
    }

    /// Reads what another process may have changed, does what the schedule says is due, and publishes. To be called
    /// each time that [`Self::rest`] is over, and on SIGHUP. It waits for the disk.
    ///
    /// # Errors
    /// As [`Self::open`]; what was published stays so.
    pub fn refresh(&self, surroundings: &dyn Surroundings) -> Result<(), KeyringError> {
        let refreshed = self.change(surroundings, |_, _| Ok(()));
        let failures = self.failures.load(Ordering::Relaxed).saturating_add(1);
        self.failures.store(if refreshed.is_ok() { 0 } else { failures }, Ordering::Relaxed);
        refreshed
    }

    /// Publishes new keys now, of one KEM or of all that are offered, for use after the time that the schedule gives.
    ///
    /// # Errors
    /// When two keys of such a KEM are live already, and then none is published; else as [`Self::refresh`].
    pub fn rotate(&self, kem: Option<Kem>, surroundings: &dyn Surroundings) -> Result<(), KeyringError> {
        self.change(surroundings, |ring, now_ms| match kem {
            Some(kem) => ring.rotate(kem, &self.schedule, now_ms, surroundings),
            None => ring.rotate_all(&self.schedule, now_ms, surroundings),
        })
    }

    /// Leaves a key out at once, as after a break-in. Its successor is used from now on; if it has none, one is made.
    ///
    /// # Errors
    /// When there is no such key; else as [`Self::refresh`].
    pub fn retire(&self, key_id: u8, surroundings: &dyn Surroundings) -> Result<(), KeyringError> {
        self.change(surroundings, |ring, now_ms| ring.retire(key_id, now_ms))
    }

    /// Changes what the file says, writes it if that made a difference, and only then publishes it.
    fn change(
        &self,
        surroundings: &dyn Surroundings,
        change: impl FnOnce(&mut Ring, u64) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let now_ms = surroundings.now_ms();
        let locked = self.file.lock()?;
        let before = locked.read()?;
        let mut ring = before.clone().unwrap_or_else(Ring::empty);
        change(&mut ring, now_ms)?;
        ring.advance(&self.schedule, now_ms, surroundings)?;
        if before.as_ref() != Some(&ring) {
            locked.write(&ring, surroundings)?;
            #[cfg(feature = "faults")]
            restante_faults::pass(restante_faults::Point::KeyringBeforePublishing);
        }
        let live = Arc::new(ring.live(&self.schedule, now_ms)?);
        let next_change_ms = ring.next_change_ms(&self.schedule, now_ms);
        // Published under the lock of the file: of two changes, the later one is what stays.
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Published { live, next_change_ms };
        Ok(())
    }

    /// The keys to open requests with, and the list.
    #[must_use]
    pub fn live(&self) -> Arc<LiveKeys> {
        Arc::clone(&self.published.read().unwrap_or_else(PoisonError::into_inner).live)
    }

    /// When the schedule next has something to do, in milliseconds since the Unix epoch.
    #[must_use]
    pub fn next_change_ms(&self) -> u64 {
        self.published.read().unwrap_or_else(PoisonError::into_inner).next_change_ms
    }

    /// For how long [`Self::refresh`] may wait: until the next change, so that the list changes when its `max-age`
    /// said; a minute at most, because other processes change keys as well, and a second at least. After a refresh that
    /// failed a second, and twice as long after each that follows.
    #[must_use]
    pub fn rest(&self, now_ms: u64) -> Duration {
        let until = Duration::from_millis(self.next_change_ms().saturating_sub(now_ms));
        let doubled = self.failures.load(Ordering::Relaxed).saturating_sub(1).min(6);
        until.clamp(Duration::from_secs(1 << doubled).min(REST_MAX), REST_MAX)
    }

    /// [`Self::live`] and [`Self::next_change_ms`] of the same moment.
    pub(crate) fn published(&self) -> (Arc<LiveKeys>, u64) {
        let published = self.published.read().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&published.live), published.next_change_ms)
    }

    /// What is in the file, for people.
    ///
    /// # Errors
    /// As [`Self::refresh`].
    pub fn describe(&self, now_ms: u64) -> Result<Vec<KeyDescription>, KeyringError> {
        let ring = self.file.lock()?.read()?.unwrap_or_else(Ring::empty);
        Ok(ring.describe(&self.schedule, now_ms))
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Keyring").finish_non_exhaustive()
    }
}
