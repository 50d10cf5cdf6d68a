//! The clock of the day, watched against one that nobody can set.
//!
//! A gateway decides by the clock of the day which requests are fresh, which are copies and which key is in use. When it
//! jumps, requests are refused that were sent well, and the operator should not have to find out by their numbers.

use std::time::Duration;

/// The clocks are compared so often.
pub const LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// What is corrected step by step stays far below. A date may be two minutes off.
const JUMP_MS: u64 = 5_000;

/// Where the clock of the day went, seen from the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// Somebody set it, or the machine slept.
    Ahead,
    /// Somebody set it.
    Back,
}

impl Jump {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Ahead, Self::Back];

    /// The word in logs and metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ahead => "ahead",
            Self::Back => "back",
        }
    }
}

/// What both clocks said last.
#[derive(Debug)]
pub struct ClockWatch {
    now_ms: u64,
    elapsed: Duration,
}

impl ClockWatch {
    /// Begins with what the clock of the day says, and the time since any fixed moment.
    pub fn new(now_ms: u64, elapsed: Duration) -> Self {
        Self { now_ms, elapsed }
    }

    /// Compares what both say now with what they said before. A jump, and by how many seconds.
    pub fn look(&mut self, now_ms: u64, elapsed: Duration) -> Option<(Jump, u64)> {
        let passed = elapsed.saturating_sub(self.elapsed).as_millis();
        let expected_ms = self.now_ms.saturating_add(u64::try_from(passed).unwrap_or(u64::MAX));
        *self = Self { now_ms, elapsed };
        let (jump, ms) = if now_ms >= expected_ms {
            (Jump::Ahead, now_ms - expected_ms)
        } else {
            (Jump::Back, expected_ms - now_ms)
        };
        (ms >= JUMP_MS).then_some((jump, ms / 1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_are_told_once_and_drift_is_none() {
        let mut watch = ClockWatch::new(1_000_000, Duration::from_secs(10));
        let mut look = |now_ms, seconds| watch.look(now_ms, Duration::from_secs(seconds));
        assert_eq!(look(1_005_000, 15), None);
        assert_eq!(look(1_014_999, 20), None, "almost five seconds ahead");
        assert_eq!(look(1_015_000, 25), None, "almost five seconds back");
        assert_eq!(look(1_025_000, 30), Some((Jump::Ahead, 5)));
        assert_eq!(look(1_030_000, 35), None);
        assert_eq!(look(30_000, 40), Some((Jump::Back, 1_005)));
        assert_eq!(look(35_000, 45), None);
        assert_eq!(look(0, 46), Some((Jump::Back, 36)));
    }
}
