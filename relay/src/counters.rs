//! What the relay tells its operator: numbers.
//!
//! # Privacy
//! Labels come from closed enums. There is none for a user, an address or a gateway, and nothing here grows with
//! requests: whoever reads the counters learns how much was relayed, and nothing of who asked whom.

use std::sync::atomic::{AtomicI64, Ordering::Relaxed};

pub use restante_process::metrics::{Counted, Label};
use restante_process::{
    Expiry,
    export::ExportCounts,
    metrics::{Exposition, Kind},
    telemetry::panics,
    words,
};

use crate::failure::Failure;

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// With an Encapsulated Response.
    Relayed,
    /// With a key list, or the word that it has not changed.
    KeyList,
    /// With the log of key lists.
    KeyLog,
    /// With a tunnel.
    Tunnel,
    /// With a problem.
    Failed(Failure),
}

impl Label for Outcome {
    const ALL: &'static [Self] = &{
        let mut all = [Self::Relayed; Failure::ALL.len() + 4];
        all[1] = Self::KeyList;
        all[2] = Self::KeyLog;
        all[3] = Self::Tunnel;
        let mut place = 0;
        while place < Failure::ALL.len() {
            all[place + 4] = Self::Failed(Failure::ALL[place]);
            place += 1;
        }
        all
    };

    fn word(self) -> &'static str {
        match self {
            Self::Relayed => "relayed",
            Self::KeyList => "key_list",
            Self::KeyLog => "key_log",
            Self::Tunnel => "tunnel",
            Self::Failed(failure) => failure.word(),
        }
    }
}

/// How a tunnel ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TunnelEnd {
    /// By one of its ends.
    Closed,
    /// Too many bytes.
    Bytes,
    /// Too much time.
    Time,
    /// Too much time without a byte.
    Idle,
}

words!(TunnelEnd { Closed => "closed", Bytes => "too_many_bytes", Time => "too_long", Idle => "idle" });

/// How a look at a gateway's key list ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyFetch {
    /// It is the list that is known.
    Unchanged,
    /// A new list is served.
    Changed,
    /// A new list was refused: it came too soon after the one before.
    TooSoon,
    /// What came is no list that could be used.
    Unusable,
    /// Nothing came.
    Unreachable,
    /// A new list could not be written down, and is not served.
    NotRecorded,
}

words!(KeyFetch {
    Unchanged => "unchanged",
    Changed => "changed",
    TooSoon => "too_soon",
    Unusable => "unusable",
    Unreachable => "unreachable",
    NotRecorded => "not_recorded",
});

/// How an attempt to connect to a gateway ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dial {
    /// There is a connection.
    Connected,
    /// There is none.
    Failed,
}

words!(Dial { Connected => "connected", Failed => "failed" });

/// All numbers of a relay.
#[derive(Debug, Default)]
pub struct Counters {
    /// Requests, by how they ended.
    pub requests: Counted<Outcome>,
    /// Tunnels, by how they ended.
    pub tunnels: Counted<TunnelEnd>,
    /// Looks at key lists, by what came of them.
    pub key_fetches: Counted<KeyFetch>,
    /// Attempts to connect to gateways.
    pub dials: Counted<Dial>,
    /// Requests whose content is being read.
    pub reading: AtomicI64,
    /// Requests that are with a gateway.
    pub in_flight: AtomicI64,
    /// Tunnels that are open.
    pub tunnels_open: AtomicI64,
    /// When the listener's certificate expires.
    pub certificate: Expiry,
    /// Exports of all this.
    pub exports: ExportCounts,
}

impl Counters {
    /// All of them, for `/metrics` and for whoever exports them.
    pub fn expose(&self) -> Exposition {
        let mut text = Exposition::default();
        let outcome = "outcome";
        text.counted("restante_relay_requests_total", "Requests, by how they ended.", outcome, &self.requests);
        text.counted("restante_relay_tunnels_total", "Tunnels to gateways, by how they ended.", outcome, &self.tunnels);
        text.counted(
            "restante_relay_key_fetches_total",
            "Looks at key lists, by what came.",
            outcome,
            &self.key_fetches,
        );
        let help = "Connections to gateways, by what came of them.";
        text.counted("restante_relay_dials_total", help, outcome, &self.dials);
        for (name, help, gauge) in [
            ("restante_relay_requests_reading", "Requests whose content is being read.", &self.reading),
            ("restante_relay_requests_in_flight", "Requests that are with a gateway.", &self.in_flight),
            ("restante_relay_tunnels_open", "Tunnels that are open.", &self.tunnels_open),
        ] {
            text.number(Kind::Gauge, name, help, u64::try_from(gauge.load(Relaxed)).unwrap_or(0));
        }
        let help = "When the certificate of the listener expires.";
        let name = "restante_relay_certificate_expires_timestamp_seconds";
        text.number(Kind::Gauge, name, help, self.certificate.timestamp_seconds());
        let help = "Parts of the process that stopped by a bug.";
        text.number(Kind::Counter, "restante_relay_panics_total", help, panics());
        self.exports.expose(&mut text, "restante_relay_exports_total");
        text
    }
}

/// One of something that is under way, as long as it lives.
pub(crate) struct Present<'a>(&'a AtomicI64);

impl<'a> Present<'a> {
    pub(crate) fn in_gauge(gauge: &'a AtomicI64) -> Self {
        gauge.fetch_add(1, Relaxed);
        Self(gauge)
    }
}

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_its_own_and_counted_apart() {
        fn check<L: Label + std::fmt::Debug>() {
            let counted = Counted::<L>::default();
            for (place, label) in L::ALL.iter().enumerate() {
                assert_eq!(counted.count(*label), 0, "{label:?} has somebody else's word");
                (0..=place).for_each(|_| counted.add(*label));
            }
            for (place, label) in L::ALL.iter().enumerate() {
                assert_eq!(counted.count(*label), place as u64 + 1);
            }
        }
        check::<Outcome>();
        check::<TunnelEnd>();
        check::<KeyFetch>();
        check::<Dial>();
    }

    #[test]
    fn the_text_has_the_same_lines_whatever_happened() {
        let counters = Counters::default();
        let lines = counters.expose().finish().lines().count();
        counters.requests.add(Outcome::Relayed);
        counters.requests.add(Outcome::Failed(Failure::RateLimited(17)));
        let _present = Present::in_gauge(&counters.in_flight);
        let text = counters.expose().finish();
        assert_eq!(text.lines().count(), lines);
        assert!(text.contains("restante_relay_requests_total{outcome=\"relayed\"} 1\n"), "{text}");
        assert!(text.contains("restante_relay_requests_total{outcome=\"rate_limited\"} 1\n"), "{text}");
        assert!(text.contains("restante_relay_requests_in_flight 1\n"), "{text}");
    }
}
