//! What happens beside requests, and matters to the operator: counted, and remembered as long as it does.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use restante_process::{Expiry, Tls, clock::Jump, export::ExportCounts};
use tokio::time::Instant;

/// A jump of the clock is told for so long.
const RECENT: Duration = Duration::from_secs(15 * 60);

/// Shared by what finds out and what tells.
#[derive(Debug, Default)]
pub(crate) struct Health {
    draining: AtomicBool,
    keyring_fails: AtomicBool,
    key_refreshes: [AtomicU64; 2],
    jumps: [AtomicU64; 2],
    last_jump: Mutex<Option<(Jump, Instant)>>,
    /// When the listener's certificate expires.
    pub(crate) certificate: Expiry,
    /// Exports of metrics.
    pub(crate) exports: ExportCounts,
}

impl Health {
    /// Of a gateway with that listener, whose certificate is watched.
    pub(crate) fn of(tls: &Tls) -> Self {
        Self { certificate: tls.expiry().clone(), ..Self::default() }
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// The keyring was read, and written if the schedule said so; or it could not be. Logged when that changes.
    pub(crate) fn note_refresh(&self, succeeded: bool) {
        self.key_refreshes[usize::from(succeeded)].fetch_add(1, Relaxed);
        match (self.keyring_fails.swap(!succeeded, Relaxed), succeeded) {
            (false, false) => tracing::error!("the keyring cannot be read or written: the keys stay as they are"),
            (true, true) => tracing::info!("the keyring can be read and written again"),
            (false, true) | (true, false) => {}
        }
    }

    /// Whether the keyring could not be used when it was last looked at.
    pub(crate) fn keyring_fails(&self) -> bool {
        self.keyring_fails.load(Relaxed)
    }

    pub(crate) fn key_refreshes(&self, succeeded: bool) -> u64 {
        self.key_refreshes[usize::from(succeeded)].load(Relaxed)
    }

    pub(crate) fn note_jump(&self, jump: Jump, now: Instant) {
        self.jumps[jump as usize].fetch_add(1, Relaxed);
        *self.last_jump.lock().unwrap_or_else(PoisonError::into_inner) = Some((jump, now));
    }

    pub(crate) fn jumps(&self, jump: Jump) -> u64 {
        self.jumps[jump as usize].load(Relaxed)
    }

    /// Where the clock jumped last, if that was not long ago.
    pub(crate) fn recent_jump(&self, now: Instant) -> Option<Jump> {
        let last = *self.last_jump.lock().unwrap_or_else(PoisonError::into_inner);
        last.filter(|(_, when)| now.saturating_duration_since(*when) < RECENT).map(|(jump, _)| jump)
    }
}
