//! What came of exports.

use std::sync::Arc;

use crate::metrics::{Counted, Exposition};

/// How an export ended. Closed: nothing of what the collector or the system said is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportOutcome {
    /// The collector took everything.
    Done,
    /// It took a part, and refused the rest.
    Partial,
    /// It answered with another status than 2xx.
    Refused,
    /// No connection, or no such host.
    Unreachable,
    /// TLS with it could not be begun.
    Tls,
    /// It took longer than it may.
    Timeout,
    /// The connection broke, or what came is no answer.
    Broken,
}

crate::words!(ExportOutcome {
    Done => "done",
    Partial => "partial",
    Refused => "refused",
    Unreachable => "unreachable",
    Tls => "tls",
    Timeout => "timeout",
    Broken => "broken",
});

/// Exports by what came of them; all zero where nothing is exported. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct ExportCounts(Arc<Counted<ExportOutcome>>);

impl ExportCounts {
    /// Writes them under a name of the program's own.
    pub fn expose(&self, text: &mut Exposition, name: &str) {
        text.counted(name, "Exports of metrics to the collector, by what came of them.", "outcome", &self.0);
    }

    pub(super) fn add(&self, outcome: ExportOutcome) {
        self.0.add(outcome);
    }
}
