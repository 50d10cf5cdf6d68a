//! What the gateway needs of its surroundings: the time of day and random bytes, each read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the time and gives random bytes. Tests bring their own.
pub trait Surroundings: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now_ms(&self) -> u64;

    /// Fills the buffer with random bytes.
    ///
    /// # Errors
    /// When there are none to give. Nothing is opened then: without them no answer could be sealed.
    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy>;
}

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoEntropy;

/// This machine's clock, and AWS-LC's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Machine;

impl Surroundings for Machine {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
        #[cfg(feature = "faults")]
        let now_ms = now_ms.saturating_add(restante_faults::ahead_ms());
        now_ms
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        aws_lc_rs::rand::fill(buffer).map_err(|_| NoEntropy)
    }
}
