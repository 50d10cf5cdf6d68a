//! How long to wait and how much to read.

use std::time::Duration;

/// Bounds of every exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For the connection, TLS included.
    pub connect: Duration,
    /// For the whole exchange, connection included. What `Prefer: wait` asks for comes on top, and a second for each
    /// MiB of the request: a Welcome with its tree has 48 of them.
    pub request: Duration,
    /// The largest response body, in bytes.
    pub response_bytes: usize,
}

impl Default for Limits {
    /// 5 s, 15 s, and 49 MiB: the longest Welcome with its tree (16 and 32 MiB), or one message that fills a page of its
    /// own (a 4 MiB commit with a 32 MiB GroupInfo) and the hints behind it.
    fn default() -> Self {
        Self { connect: Duration::from_secs(5), request: Duration::from_secs(15), response_bytes: 49 * 1024 * 1024 }
    }
}
