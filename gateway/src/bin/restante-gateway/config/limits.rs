//! `[limits]`: numbers with defaults, units in their names.

use std::{num::NonZeroU32, time::Duration};

use restante_gateway::{Policy, Rate};
use restante_process::ConnectionLimits;
use serde::Deserialize;

/// `[limits]` as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub(crate) struct Limits {
    pub(crate) request_bytes: u32,
    pub(crate) request_body_timeout_seconds: u32,
    pub(crate) origin_timeout_seconds: u32,
    pub(crate) connect_timeout_seconds: u32,
    pub(crate) in_flight_max: u32,
    pub(crate) date_window_seconds: u32,
    pub(crate) replay_marks_max: u32,
    pub(crate) requests_per_second_per_relay: u32,
    pub(crate) burst_per_relay: u32,
    pub(crate) requests_per_second_of_others: u32,
    pub(crate) burst_of_others: u32,
    pub(crate) list_max_age_seconds: u32,
    pub(crate) connections_max: u32,
    pub(crate) header_read_timeout_seconds: u32,
    pub(crate) response_timeout_seconds: u32,
    pub(crate) idle_timeout_seconds: u32,
    pub(crate) drain_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 65_536,
            request_body_timeout_seconds: 10,
            origin_timeout_seconds: 10,
            connect_timeout_seconds: 5,
            in_flight_max: 1024,
            date_window_seconds: 120,
            replay_marks_max: 500_000,
            requests_per_second_per_relay: 500,
            burst_per_relay: 1000,
            requests_per_second_of_others: 5,
            burst_of_others: 20,
            list_max_age_seconds: 600,
            connections_max: 4096,
            header_read_timeout_seconds: 10,
            response_timeout_seconds: 60,
            idle_timeout_seconds: 120,
            drain_seconds: 60,
        }
    }
}

impl Limits {
    /// Keys with a number that nothing could work with, and why.
    pub(super) fn faults(&self) -> impl Iterator<Item = (&'static str, String)> {
        let at_least = |key, number: u32, least: u32| {
            (number < least).then(|| (key, format!("is {number}, and at least {least} is needed")))
        };
        [
            at_least("request_bytes", self.request_bytes, 2048),
            at_least("request_body_timeout_seconds", self.request_body_timeout_seconds, 1),
            at_least("origin_timeout_seconds", self.origin_timeout_seconds, 1),
            at_least("connect_timeout_seconds", self.connect_timeout_seconds, 1),
            at_least("in_flight_max", self.in_flight_max, 1),
            at_least("date_window_seconds", self.date_window_seconds, 1),
            at_least("replay_marks_max", self.replay_marks_max, 1),
            at_least("requests_per_second_per_relay", self.requests_per_second_per_relay, 1),
            at_least("burst_per_relay", self.burst_per_relay, 1),
            at_least("requests_per_second_of_others", self.requests_per_second_of_others, 1),
            at_least("burst_of_others", self.burst_of_others, 1),
            at_least("connections_max", self.connections_max, 1),
            at_least("header_read_timeout_seconds", self.header_read_timeout_seconds, 1),
            at_least("response_timeout_seconds", self.response_timeout_seconds, 1),
            at_least("idle_timeout_seconds", self.idle_timeout_seconds, 1),
        ]
        .into_iter()
        .flatten()
    }

    /// What connections of a listener may take.
    pub(crate) fn of_connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max: self.connections_max as usize,
            // A relay has one connection for all of its users.
            streams_max: 100,
            header_timeout: seconds(self.header_read_timeout_seconds),
            response_timeout: seconds(self.response_timeout_seconds),
            idle_timeout: seconds(self.idle_timeout_seconds),
            ..ConnectionLimits::default()
        }
    }

    /// The numbers as the library takes them.
    pub(crate) fn policy(&self) -> Policy {
        let rate = |per_second, burst| Rate {
            per_second: NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN),
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        };
        Policy {
            request_bytes_max: self.request_bytes as usize,
            body_timeout: seconds(self.request_body_timeout_seconds),
            target_timeout: seconds(self.origin_timeout_seconds),
            requests_at_once: self.in_flight_max as usize,
            date_window: seconds(self.date_window_seconds),
            replay_marks_max: self.replay_marks_max as usize,
            each_relay: rate(self.requests_per_second_per_relay, self.burst_per_relay),
            others_together: rate(self.requests_per_second_of_others, self.burst_of_others),
            list_max_age: seconds(self.list_max_age_seconds),
        }
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_s_defaults_are_the_library_s() {
        assert_eq!(Limits::default().policy(), Policy::default());
        assert_eq!(Limits::default().faults().count(), 0);
    }

    #[test]
    fn a_zero_is_a_fault() {
        let limits = Limits { in_flight_max: 0, burst_of_others: 0, ..Limits::default() };
        let faults: Vec<_> = limits.faults().map(|(key, _)| key).collect();
        assert_eq!(faults, ["in_flight_max", "burst_of_others"]);
    }
}
