//! How many checks held.

use std::fmt;

/// Checks, counted. Displayed as the demo's last line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// They held.
    pub passed: u32,
    /// They did not.
    pub failed: u32,
}

impl Tally {
    pub(super) fn count(&mut self, holds: bool) {
        if holds { self.passed += 1 } else { self.failed += 1 }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "demo: {} checks passed, {} failed", self.passed, self.failed)
    }
}
