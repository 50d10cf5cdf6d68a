//! The time of day, read in one place.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::sequencer::UnixMillis;

/// Tells the time. Tests bring their own.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since the Unix epoch.
    fn now(&self) -> UnixMillis;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX);
        #[cfg(feature = "faults")]
        let now = now.saturating_add(restante_faults::ahead_ms());
        now
    }
}
