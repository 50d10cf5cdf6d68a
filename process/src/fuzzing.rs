//! What the targets of `fuzz/` reach into, and nobody else: no program is compiled with it.

use http::StatusCode;

use crate::export::{ExportOutcome, read_answer};

/// What an answer of a collector means that comes with this status; `None` if that says success to nobody.
#[must_use]
pub fn export_outcome(status: u16, answer: &[u8]) -> Option<ExportOutcome> {
    let status = StatusCode::from_u16(status).ok().filter(StatusCode::is_success)?;
    Some(read_answer(status, answer).unwrap_or_else(|outcome| outcome))
}
