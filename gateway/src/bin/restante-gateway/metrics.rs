//! What may be known of all this, as Prometheus reads it.
//!
//! # Privacy
//! Labels are words of closed enums. Relays are not told apart.

use std::fmt::Write as _;

use restante_gateway::{Counters, Outcome, ReplayWindow};

/// The text exposition format, version 0.0.4.
pub(crate) fn render(counters: &Counters, replays: &ReplayWindow, is_ready: bool) -> String {
    let mut text = String::from(
        "# HELP restante_gateway_requests_total Requests by how they ended.\n\
         # TYPE restante_gateway_requests_total counter\n",
    );
    for outcome in Outcome::ALL {
        let (label, count) = (outcome.label(), counters.of(*outcome));
        // Writing to a string does not fail.
        let _ = writeln!(text, "restante_gateway_requests_total{{outcome=\"{label}\"}} {count}");
    }
    let _ = write!(
        text,
        "# HELP restante_gateway_replay_marks Requests that are remembered so that copies are refused.\n\
         # TYPE restante_gateway_replay_marks gauge\n\
         restante_gateway_replay_marks {}\n\
         # HELP restante_gateway_ready Whether requests can be answered.\n\
         # TYPE restante_gateway_ready gauge\n\
         restante_gateway_ready {}\n",
        replays.len(),
        u8::from(is_ready)
    );
    text
}
