//! The numbers of the gateway in this process, behind the hub's own in `/metrics`: named as those of `restante-gateway`.
//!
//! # Privacy
//! Words of a closed set. Relays are not told apart.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use restante_gateway::{Counters, Gateway, Machine, Outcome, ReplayWindow, Surroundings as _};
use restante_process::metrics::{Exposition, Kind};

use super::public::refused_ms;
use crate::http::Expose;

/// `keyring_fails` is what [`super::public::keep_fresh`] says.
pub(super) fn of<T>(gateway: &Gateway<T>, keyring_fails: Arc<AtomicBool>) -> Box<Expose> {
    let (counters, replays) = (gateway.counters(), gateway.replays());
    Box::new(move |text| {
        let refused_ms = refused_ms(&replays, Machine.now_ms());
        expose(text, &counters, &replays, refused_ms, keyring_fails.load(Ordering::Relaxed));
    })
}

fn expose(text: &mut Exposition, counters: &Counters, replays: &ReplayWindow, refused_ms: u64, keyring_fails: bool) {
    let outcomes = Outcome::ALL.iter().map(|outcome| (outcome.label(), counters.of(*outcome)));
    let help = "Requests by how they ended.";
    text.words(Kind::Counter, "restante_gateway_requests_total", help, "outcome", outcomes);
    let help = "Requests that are remembered so that copies are refused.";
    text.number(Kind::Gauge, "restante_gateway_replay_marks", help, replays.len() as u64);
    let help = "How long requests are still refused that may be copies.";
    text.number(Kind::Gauge, "restante_gateway_refused_seconds", help, refused_ms.div_ceil(1000));
    let help = "Whether the keyring cannot be read or written, so that no keys follow those in use.";
    text.number(Kind::Gauge, "restante_gateway_keyring_fails", help, u64::from(keyring_fails));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_numbers_are_those_of_the_specification() {
        let mut text = Exposition::default();
        expose(&mut text, &Counters::default(), &ReplayWindow::new(10), 1_001, true);
        let text = text.finish();
        assert!(text.contains("restante_gateway_keyring_fails 1\n"), "{text}");
        assert!(text.contains("restante_gateway_refused_seconds 2\n"), "{text}");
        assert!(text.contains("restante_gateway_requests_total{outcome=\"answered\"} 0\n"), "{text}");
        let specified = crate::fixtures::metrics::specified("restante_gateway_");
        assert_eq!(crate::fixtures::metrics::served(&text), specified);
    }
}
