//! A clock that is ahead.

use std::sync::OnceLock;

/// The environment variable: by how many milliseconds the clock of the day is ahead.
pub const CLOCK_AHEAD_MS: &str = "FAULTS_CLOCK_AHEAD_MS";

/// By how many milliseconds this process takes the time to be later than it is.
pub fn ahead_ms() -> u64 {
    static AHEAD_MS: OnceLock<u64> = OnceLock::new();
    *AHEAD_MS.get_or_init(|| std::env::var(CLOCK_AHEAD_MS).ok().and_then(|text| text.parse().ok()).unwrap_or(0))
}
