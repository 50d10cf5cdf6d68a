//! `[limits]`: numbers with defaults, units in their names.

use std::time::Duration;

use restante_process::ConnectionLimits;
use serde::Deserialize;

use crate::{
    limits::{KeyLimits, Limits as RelayLimits, TunnelLimits, UserLimits},
    reading::BESIDES_BYTES,
};

/// `[limits]` as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
pub struct Limits {
    /// The largest Encapsulated Request.
    pub request_bytes: u32,
    /// The largest Encapsulated Response.
    pub response_bytes: u32,
    /// Of all requests that are being read.
    pub reading_bytes_max: u32,
    /// Requests that are with gateways at the same time.
    pub in_flight_max: u32,
    /// Open connections of each listener.
    pub connections_max: u32,
    /// Of one address.
    pub connections_per_address_max: u32,
    /// A TLS handshake; the head of a request.
    pub header_read_timeout_seconds: u32,
    /// A whole response, until the client has taken it up.
    pub response_timeout_seconds: u32,
    /// A connection without a request under way.
    pub idle_timeout_seconds: u32,
    /// A whole body.
    pub request_body_timeout_seconds: u32,
    /// A connection to a gateway.
    pub connect_timeout_seconds: u32,
    /// A whole exchange with a gateway.
    pub exchange_timeout_seconds: u32,
    /// Of one user.
    pub requests_per_minute_per_user: u32,
    /// Of one user, at once.
    pub burst_per_user: u32,
    /// Of one user, under way.
    pub in_flight_per_user: u32,
    /// Of one user, open.
    pub tunnels_per_user: u32,
    /// In each direction.
    pub tunnel_bytes: u64,
    /// From opening to end.
    pub tunnel_seconds: u32,
    /// Without a byte in either direction.
    pub tunnel_idle_seconds: u32,
    /// To one gateway.
    pub tunnels_max: u32,
    /// Between two different key lists of a gateway.
    pub key_change_min_hours: u32,
    /// Between two looks at a key list, at least.
    pub key_refresh_min_seconds: u32,
    /// And at most.
    pub key_refresh_max_seconds: u32,
    /// How long a shutdown waits.
    pub drain_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 24_576,
            response_bytes: 524_288,
            reading_bytes_max: 67_108_864,
            in_flight_max: 512,
            connections_max: 16_384,
            connections_per_address_max: 1024,
            header_read_timeout_seconds: 10,
            response_timeout_seconds: 60,
            idle_timeout_seconds: 120,
            request_body_timeout_seconds: 10,
            connect_timeout_seconds: 5,
            exchange_timeout_seconds: 15,
            requests_per_minute_per_user: 60,
            burst_per_user: 30,
            in_flight_per_user: 8,
            tunnels_per_user: 2,
            tunnel_bytes: 65_536,
            tunnel_seconds: 20,
            tunnel_idle_seconds: 5,
            tunnels_max: 128,
            key_change_min_hours: 12,
            key_refresh_min_seconds: 60,
            key_refresh_max_seconds: 21_600,
            drain_seconds: 30,
        }
    }
}

impl Limits {
    /// What connections of a listener may take.
    pub fn of_connections(&self) -> ConnectionLimits {
        ConnectionLimits {
            connections_max: self.connections_max as usize,
            connections_per_address_max: Some(self.connections_per_address_max as usize),
            // One user's, who may have far fewer requests under way.
            streams_max: 32,
            header_timeout: seconds(self.header_read_timeout_seconds),
            response_timeout: seconds(self.response_timeout_seconds),
            idle_timeout: seconds(self.idle_timeout_seconds),
            ..ConnectionLimits::default()
        }
    }

    /// The same as the relay takes them.
    pub fn of_relay(&self) -> RelayLimits {
        RelayLimits {
            request_bytes: self.request_bytes as usize,
            response_bytes: self.response_bytes as usize,
            reading_bytes: self.reading_bytes_max as usize,
            request_body: seconds(self.request_body_timeout_seconds),
            connect: seconds(self.connect_timeout_seconds),
            exchange: seconds(self.exchange_timeout_seconds),
            in_flight: self.in_flight_max as usize,
            user: UserLimits {
                per_minute: self.requests_per_minute_per_user,
                burst: self.burst_per_user,
                in_flight: self.in_flight_per_user as usize,
                tunnels: self.tunnels_per_user as usize,
            },
            tunnel: TunnelLimits {
                bytes: self.tunnel_bytes,
                time: seconds(self.tunnel_seconds),
                idle: seconds(self.tunnel_idle_seconds),
                open: self.tunnels_max as usize,
            },
            keys: KeyLimits {
                change_min: seconds(self.key_change_min_hours) * 3600,
                refresh_min: seconds(self.key_refresh_min_seconds),
                refresh_max: seconds(self.key_refresh_max_seconds),
            },
        }
    }

    /// Sentences about numbers with which nothing would work, each with its key.
    pub(super) fn faults(&self) -> Vec<(&'static str, String)> {
        let zero = [
            ("request_bytes", self.request_bytes),
            ("response_bytes", self.response_bytes),
            ("in_flight_max", self.in_flight_max),
            ("connections_max", self.connections_max),
            ("connections_per_address_max", self.connections_per_address_max),
            ("header_read_timeout_seconds", self.header_read_timeout_seconds),
            ("response_timeout_seconds", self.response_timeout_seconds),
            ("idle_timeout_seconds", self.idle_timeout_seconds),
            ("request_body_timeout_seconds", self.request_body_timeout_seconds),
            ("connect_timeout_seconds", self.connect_timeout_seconds),
            ("exchange_timeout_seconds", self.exchange_timeout_seconds),
            ("requests_per_minute_per_user", self.requests_per_minute_per_user),
            ("in_flight_per_user", self.in_flight_per_user),
            ("tunnel_idle_seconds", self.tunnel_idle_seconds),
            ("key_refresh_min_seconds", self.key_refresh_min_seconds),
        ];
        let zero = zero.into_iter().filter(|(_, number)| *number == 0);
        let mut faults: Vec<_> =
            zero.map(|(key, _)| (key, "is 0, and then nothing works; give at least 1".to_owned())).collect();
        let one = self.request_bytes as usize + BESIDES_BYTES;
        if (self.reading_bytes_max as usize) < one {
            let sentence = format!("has no room for one request of request_bytes; give at least {one}");
            faults.push(("reading_bytes_max", sentence));
        }
        if self.key_refresh_max_seconds < self.key_refresh_min_seconds {
            let sentence = "is less than key_refresh_min_seconds; give at least as much".to_owned();
            faults.push(("key_refresh_max_seconds", sentence));
        }
        faults
    }
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_the_relay_s() {
        assert_eq!(Limits::default().of_relay(), RelayLimits::default());
        assert!(Limits::default().faults().is_empty());
    }
}
