//! What may be known of all this, as Prometheus reads it.
//!
//! # Privacy
//! Labels are words of closed enums. Relays are not told apart.

use restante_gateway::{Counters, Outcome, ReplayWindow};
use restante_process::{
    clock::Jump,
    metrics::{Exposition, Kind},
    telemetry::panics,
};

use crate::health::Health;

/// All numbers. `refused_ms`: for so long requests are refused that are dated now.
pub(crate) fn expose(
    counters: &Counters,
    replays: &ReplayWindow,
    health: &Health,
    refused_ms: u64,
    is_ready: bool,
) -> Exposition {
    let mut text = Exposition::default();
    let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.label(), counters.of(*outcome)));
    let help = "Requests by how they ended.";
    text.words(Kind::Counter, "restante_gateway_requests_total", help, "outcome", outcomes);
    let refreshes = [("done", health.key_refreshes(true)), ("failed", health.key_refreshes(false))];
    let help = "Looks at the keyring.";
    text.words(Kind::Counter, "restante_gateway_key_refreshes_total", help, "outcome", refreshes);
    let jumps = Jump::ALL.map(|jump| (jump.word(), health.jumps(jump)));
    let help = "Jumps of the clock of the day.";
    text.words(Kind::Counter, "restante_gateway_clock_jumps_total", help, "direction", jumps);
    let help = "Requests that are remembered so that copies are refused.";
    text.number(Kind::Gauge, "restante_gateway_replay_marks", help, replays.len() as u64);
    let help = "How long requests are still refused that may be copies.";
    text.number(Kind::Gauge, "restante_gateway_refused_seconds", help, refused_ms.div_ceil(1000));
    let help = "When the certificate of the listener expires.";
    let name = "restante_gateway_certificate_expires_timestamp_seconds";
    text.number(Kind::Gauge, name, help, health.certificate.timestamp_seconds());
    let help = "Parts of the process that stopped by a bug.";
    text.number(Kind::Counter, "restante_gateway_panics_total", help, panics());
    let help = "Whether requests can be answered.";
    text.number(Kind::Gauge, "restante_gateway_ready", help, u64::from(is_ready));
    health.exports.expose(&mut text, "restante_gateway_exports_total");
    text
}
