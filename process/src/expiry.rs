//! When the certificate of a listener expires, as a number that an operator can be woken by.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

/// Until when the certificate that new connections are shown is valid. Clones share it, and see it replaced.
#[derive(Clone, Debug, Default)]
pub struct Expiry(Arc<AtomicU64>);

impl Expiry {
    /// Its notAfter (RFC 5280 §4.1.2.5) in seconds since 1970; 0 before a certificate was read, and for one that ended
    /// before 1970.
    pub fn timestamp_seconds(&self) -> u64 {
        self.0.load(Relaxed)
    }

    pub(crate) fn set(&self, timestamp_seconds: u64) {
        self.0.store(timestamp_seconds, Relaxed);
    }
}
