//! How long something takes, for an event of the log.

use tokio::time::Instant;

/// Runs when somebody reads it: the clock is not asked for an event that is not logged.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Option<Instant>);

impl Stopwatch {
    /// Starts.
    #[must_use]
    pub fn start() -> Self {
        Self::start_if(true)
    }

    /// Starts, if it is `wanted`: mostly `tracing::enabled!` with the level of the event.
    #[must_use]
    pub fn start_if(wanted: bool) -> Self {
        Self(wanted.then(Instant::now))
    }

    /// Microseconds since the start; nothing when it does not run.
    #[must_use]
    pub fn micros(self) -> Option<u64> {
        let elapsed = self.0?.elapsed();
        Some(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_counts_microseconds_when_it_is_wanted() {
        let (wanted, unwanted) = (Stopwatch::start_if(true), Stopwatch::start_if(false));
        tokio::time::advance(Duration::from_millis(3)).await;
        assert_eq!((wanted.micros(), unwanted.micros()), (Some(3000), None));
    }
}
