//! What one request, one user and one tunnel may take.

use std::time::Duration;

/// The operator's numbers. They are read once, at the start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest Encapsulated Request, in bytes.
    pub request_bytes: usize,
    /// The largest Encapsulated Response, in bytes.
    pub response_bytes: usize,
    /// What requests of all users may take while they are read, in bytes: what has arrived of each, and 2 KiB besides.
    pub reading_bytes: usize,
    /// How long a client may take to send its request's body.
    pub request_body: Duration,
    /// How long a connection to a gateway may take, TLS included.
    pub connect: Duration,
    /// How long a gateway may take from the first byte of the request to the last one of the response, connection
    /// included.
    pub exchange: Duration,
    /// Requests that are with gateways at the same time, of all users. With the sizes above this bounds memory.
    pub in_flight: usize,
    /// What each user may take.
    pub user: UserLimits,
    /// What tunnels may take.
    pub tunnel: TunnelLimits,
    /// How key lists are fetched and judged.
    pub keys: KeyLimits,
}

/// The share of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UserLimits {
    /// Requests a minute, spread evenly.
    pub per_minute: u32,
    /// How many of them may come at once.
    pub burst: u32,
    /// Requests and tunnels at the same time.
    pub in_flight: usize,
    /// Tunnels among them.
    pub tunnels: usize,
}

/// The bounds of a tunnel. It is there to fetch a key list, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TunnelLimits {
    /// Bytes in each direction, TLS included.
    pub bytes: u64,
    /// From its opening to its end.
    pub time: Duration,
    /// Without a byte in either direction.
    pub idle: Duration,
    /// Tunnels to one gateway at the same time, of all users.
    pub open: usize,
}

/// How the copy of a gateway's key list is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLimits {
    /// A list that differs from the one before is taken only if that was first seen so long ago.
    pub change_min: Duration,
    /// A list is fetched again after its `max-age`, but not twice in a row sooner than this.
    pub refresh_min: Duration,
    /// And not later than this.
    pub refresh_max: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request_bytes: 24 * 1024,
            response_bytes: 512 * 1024,
            reading_bytes: 64 * 1024 * 1024,
            request_body: Duration::from_secs(10),
            connect: Duration::from_secs(5),
            exchange: Duration::from_secs(15),
            in_flight: 512,
            user: UserLimits::default(),
            tunnel: TunnelLimits::default(),
            keys: KeyLimits::default(),
        }
    }
}

impl Default for UserLimits {
    fn default() -> Self {
        Self { per_minute: 60, burst: 30, in_flight: 8, tunnels: 2 }
    }
}

impl Default for TunnelLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, time: Duration::from_secs(20), idle: Duration::from_secs(5), open: 128 }
    }
}

impl Default for KeyLimits {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        Self { change_min: 12 * HOUR, refresh_min: Duration::from_secs(60), refresh_max: 6 * HOUR }
    }
}
