//! `[limits]`: what one request, one connection and one peer may take of the transport.

use serde::Deserialize;

use super::Problems;

const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Sizes, times and numbers of the transport. Sizes are those of the policy in `specs/protocol.md` §1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// The longest MLSMessage that carries an application message.
    pub application_message_bytes: usize,
    /// The longest MLSMessage that carries a proposal or a commit.
    pub handshake_bytes: usize,
    /// The longest Welcome.
    pub welcome_bytes: usize,
    /// The longest GroupInfo together with its ratchet tree.
    pub group_info_bytes: usize,
    /// The most message bytes on one page of a ReceiveResponse.
    pub page_bytes: u64,
    /// The longest that a receive may ask to wait (`Prefer: wait=N`).
    pub wait_seconds_max: u32,
    /// The most receives of one provider that wait at the same time.
    pub waiting_per_provider: usize,
    /// The most open connections of each listener.
    pub connections_max: u32,
    /// How long a connection may take to send the head of a request.
    pub header_read_timeout_seconds: u32,
    /// How long a request may take to send its body.
    pub request_body_timeout_seconds: u32,
    /// How long a client may take to take up a response.
    pub response_timeout_seconds: u32,
    /// How long a connection may be open without a request under way.
    pub idle_timeout_seconds: u32,
    /// The most bytes of request bodies that are held in memory at the same time.
    pub in_flight_bytes_max: usize,
    /// The most bytes of responses to receives that are in memory at the same time, until clients have taken them up. One
    /// provider may have a quarter of it.
    pub responses_in_flight_bytes_max: u64,
    /// The most Welcomes that are being delivered at the same time.
    pub deliveries_max: usize,
    /// The most of them to one provider.
    pub deliveries_per_provider: usize,
    /// The most bytes of Welcomes and trees that are in memory because of that.
    pub deliveries_in_flight_bytes_max: usize,
    /// The most bytes of public states of groups that are kept at hand.
    pub public_states_bytes_max: usize,
    /// How long a shutdown waits for requests that are being served.
    pub drain_seconds: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            application_message_bytes: 256 * KIB,
            handshake_bytes: 4 * MIB,
            welcome_bytes: 16 * MIB,
            group_info_bytes: 32 * MIB,
            page_bytes: 4 * MIB as u64,
            wait_seconds_max: 50,
            waiting_per_provider: 20_000,
            connections_max: 16_384,
            header_read_timeout_seconds: 10,
            request_body_timeout_seconds: 60,
            response_timeout_seconds: 120,
            idle_timeout_seconds: 120,
            in_flight_bytes_max: 512 * MIB,
            responses_in_flight_bytes_max: 512 * MIB as u64,
            deliveries_max: 32,
            deliveries_per_provider: 4,
            deliveries_in_flight_bytes_max: 128 * MIB,
            public_states_bytes_max: 128 * MIB,
            drain_seconds: 60,
        }
    }
}

impl Limits {
    /// The longest body of a request: a commit with its Welcome, GroupInfo and tree, and what frames them.
    pub fn request_bytes_max(&self) -> usize {
        self.application_message_bytes
            .max(self.handshake_bytes)
            .saturating_add(self.welcome_bytes)
            .saturating_add(self.group_info_bytes)
            .saturating_add(64 * KIB)
    }

    pub(super) fn check(&self, place: &dyn Fn(&str) -> String, problems: &mut Problems) {
        let Self {
            application_message_bytes,
            handshake_bytes,
            welcome_bytes,
            group_info_bytes,
            page_bytes,
            wait_seconds_max: _,     // 0 turns waiting off
            waiting_per_provider: _, // 0 does too
            connections_max,
            header_read_timeout_seconds,
            request_body_timeout_seconds,
            response_timeout_seconds,
            idle_timeout_seconds,
            in_flight_bytes_max,
            responses_in_flight_bytes_max,
            deliveries_max,
            deliveries_per_provider,
            deliveries_in_flight_bytes_max,
            public_states_bytes_max: _, // 0 keeps none at hand
            drain_seconds: _,           // 0 means not to wait
        } = *self;
        for (key, is_zero) in [
            ("application_message_bytes", application_message_bytes == 0),
            ("handshake_bytes", handshake_bytes == 0),
            ("welcome_bytes", welcome_bytes == 0),
            ("group_info_bytes", group_info_bytes == 0),
            ("page_bytes", page_bytes == 0),
            ("connections_max", connections_max == 0),
            ("header_read_timeout_seconds", header_read_timeout_seconds == 0),
            ("request_body_timeout_seconds", request_body_timeout_seconds == 0),
            ("response_timeout_seconds", response_timeout_seconds == 0),
            ("idle_timeout_seconds", idle_timeout_seconds == 0),
        ] {
            if is_zero {
                problems.add(place(&format!("limits.{key}")), "0 would refuse every request; give a number".into());
            }
        }
        for (key, is_zero) in
            [("deliveries_max", deliveries_max == 0), ("deliveries_per_provider", deliveries_per_provider == 0)]
        {
            if is_zero {
                problems.add(place(&format!("limits.{key}")), "0 would deliver no Welcome; give at least 1".into());
            }
        }
        let longest = welcome_bytes.saturating_add(group_info_bytes);
        if deliveries_in_flight_bytes_max < longest {
            problems.add(
                place("limits.deliveries_in_flight_bytes_max"),
                format!(
                    "{deliveries_in_flight_bytes_max} bytes do not hold the longest Welcome with its tree; give at least \
                     {longest}, or lower limits.welcome_bytes and limits.group_info_bytes"
                ),
            );
        }
        if in_flight_bytes_max < self.request_bytes_max() {
            problems.add(
                place("limits.in_flight_bytes_max"),
                format!(
                    "{in_flight_bytes_max} bytes do not hold the longest request that the sizes above allow; give at \
                     least {}, or lower the sizes",
                    self.request_bytes_max()
                ),
            );
        }
        // A provider may have a quarter of it, and needs a page at least.
        let pages = page_bytes.saturating_mul(4);
        if responses_in_flight_bytes_max < pages {
            problems.add(
                place("limits.responses_in_flight_bytes_max"),
                format!(
                    "{responses_in_flight_bytes_max} bytes do not hold a page for each of four providers; give at \
                     least {pages}, or lower limits.page_bytes"
                ),
            );
        }
    }
}
