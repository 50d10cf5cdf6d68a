//! What one listener bears with, and one connection of it may take.

use std::time::Duration;

/// Numbers and times of a listener's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// How many connections may be open at once; more wait to be accepted.
    pub connections_max: usize,
    /// How many of them may come from one IPv4 address, or from the 2^64 addresses of a site with IPv6; more are closed
    /// as they come. Without a number it is a sixteenth of `connections_max`, and 64 at least. Listeners for this machine
    /// alone do not count.
    pub connections_per_address_max: Option<usize>,
    /// How many requests may be under way at once on one connection over HTTP/2 (RFC 9113, §5.1.2). Over HTTP/1.1 it is
    /// one.
    pub streams_max: u32,
    /// How long a handshake, the beginning of HTTP, or the head of a request may take.
    pub header_timeout: Duration,
    /// How long a client may take to take up a whole response. A connection on which one is older is ended.
    pub response_timeout: Duration,
    /// How long a client may take up nothing of a response. A connection on which one waits longer is ended.
    pub response_stall: Duration,
    /// How much of responses may wait on one connection for its client to take it up, in bytes. At that, further
    /// requests on it wait; those that are under way are still answered.
    pub unread_bytes_max: usize,
    /// How long a connection may be open without a request under way. Over HTTP/1.1 `header_timeout` is over before.
    pub idle_timeout: Duration,
}

impl ConnectionLimits {
    /// The same for the operator's own listener, whose clients ask one thing at a time.
    #[must_use]
    pub fn of_operator(self) -> Self {
        Self { streams_max: 8, ..self }
    }

    /// The same with no more open connections than that.
    #[must_use]
    pub fn at_most(self, connections: usize) -> Self {
        Self { connections_max: self.connections_max.min(connections), ..self }
    }

    /// How many connections may come from one address.
    pub(crate) fn of_one_address(&self) -> usize {
        self.connections_per_address_max.unwrap_or((self.connections_max / 16).max(64))
    }
}

impl Default for ConnectionLimits {
    /// For clients that nobody knows.
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_address_max: None,
            streams_max: 100,
            header_timeout: Duration::from_secs(10),
            response_timeout: Duration::from_secs(60),
            response_stall: Duration::from_secs(20),
            unread_bytes_max: 4 * 1024 * 1024,
            idle_timeout: Duration::from_secs(120),
        }
    }
}
