//! The only place of xtask that reads clocks: how long a step took, and which files are younger.

use std::fmt;
use std::time::{Duration, Instant, SystemTime};

/// Runs from the moment it is made.
pub(crate) struct Stopwatch {
    started: Instant,
    started_at: SystemTime,
}

impl Stopwatch {
    #[allow(
        clippy::disallowed_methods,
        reason = "durations of build steps are for the reader of a terminal; no logic of the server"
    )]
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), started_at: SystemTime::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// When it was started, to compare with the times that file systems keep.
    pub(crate) fn started_at(&self) -> SystemTime {
        self.started_at
    }
}

impl fmt::Display for Stopwatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&readable(self.elapsed()))
    }
}

fn readable(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {:02} s", seconds / 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        assert_eq!(readable(Duration::from_millis(40)), "0.0 s");
        assert_eq!(readable(Duration::from_millis(2340)), "2.3 s");
        assert_eq!(readable(Duration::from_secs(605)), "10 min 05 s");
    }
}
