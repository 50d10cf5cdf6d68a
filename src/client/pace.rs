//! Time and randomness, as they are passed in.

use std::{future::Future, time::Duration};

/// Where a [`super::Member`] gets its pauses and its jitter from.
pub trait Pace {
    /// Waits.
    fn sleep(&mut self, duration: Duration) -> impl Future<Output = ()> + Send;

    /// Any number. Spreads retries; no secret depends on it.
    fn random(&mut self) -> u64;
}

/// Tokio's timer and a source of random numbers.
pub struct TokioPace<R> {
    random: R,
}

impl<R: FnMut() -> u64 + Send> TokioPace<R> {
    /// Waits on Tokio's timer; `random` is asked for jitter.
    pub fn new(random: R) -> Self {
        Self { random }
    }
}

impl<R: FnMut() -> u64 + Send> Pace for TokioPace<R> {
    fn sleep(&mut self, duration: Duration) -> impl Future<Output = ()> + Send {
        tokio::time::sleep(duration)
    }

    fn random(&mut self) -> u64 {
        (self.random)()
    }
}

impl<R> std::fmt::Debug for TokioPace<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokioPace(..)")
    }
}
