//! What may be known of all this, as Prometheus reads it.
//!
//! # Privacy
//! Labels are words of closed enums. Relays are not told apart.

use std::fmt::Write as _;

use restante_gateway::{Counters, Outcome, ReplayWindow};

use restante_process::clock::Jump;

use crate::health::Health;

/// The text exposition format, version 0.0.4. `refused_ms`: for so long requests are refused that are dated now.
pub(crate) fn render(
    counters: &Counters,
    replays: &ReplayWindow,
    health: &Health,
    refused_ms: u64,
    is_ready: bool,
) -> String {
    let mut text = String::new();
    let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.label(), counters.of(*outcome)));
    counter(&mut text, "requests_total", "Requests by how they ended.", "outcome", outcomes);
    let refreshes = [("done", health.key_refreshes(true)), ("failed", health.key_refreshes(false))];
    counter(&mut text, "key_refreshes_total", "Looks at the keyring.", "outcome", refreshes);
    let jumps = Jump::ALL.map(|jump| (jump.word(), health.jumps(jump)));
    counter(&mut text, "clock_jumps_total", "Jumps of the clock of the day.", "direction", jumps);
    for (name, help, value) in [
        ("replay_marks", "Requests that are remembered so that copies are refused.", replays.len() as u64),
        ("refused_seconds", "How long requests are still refused that may be copies.", refused_ms.div_ceil(1000)),
        ("ready", "Whether requests can be answered.", u64::from(is_ready)),
    ] {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "# HELP restante_gateway_{name} {help}\n# TYPE restante_gateway_{name} gauge\nrestante_gateway_{name} {value}"
        );
    }
    text
}

/// One number for each word.
fn counter(
    text: &mut String,
    name: &str,
    help: &str,
    label: &str,
    numbers: impl IntoIterator<Item = (&'static str, u64)>,
) {
    let _ = writeln!(text, "# HELP restante_gateway_{name} {help}\n# TYPE restante_gateway_{name} counter");
    for (word, number) in numbers {
        let _ = writeln!(text, "restante_gateway_{name}{{{label}=\"{word}\"}} {number}");
    }
}
