//! A clock that is set, and random bytes that repeat from run to run.

use std::sync::{
    Mutex,
    atomic::{AtomicU64, Ordering},
};

use crate::machine::{NoEntropy, Surroundings};

/// 2026-11-21, 05:00:00 UTC.
pub(crate) const START_MS: u64 = 1_795_237_200_000;

/// Surroundings that a test decides.
#[derive(Debug)]
pub(crate) struct Scripted {
    now_ms: AtomicU64,
    /// The bytes of the next calls, then those of a hash of a count; `None` gives none at all.
    random: Mutex<Option<u64>>,
}

impl Scripted {
    pub(crate) fn new() -> Self {
        Self { now_ms: START_MS.into(), random: Mutex::new(Some(0)) }
    }

    pub(crate) fn set(&self, now_ms: u64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    pub(crate) fn pass(&self, ms: u64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
    }

    pub(crate) fn dry_up(&self) {
        *self.random.lock().unwrap() = None;
    }
}

impl Surroundings for Scripted {
    fn now_ms(&self) -> u64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        let mut random = self.random.lock().unwrap();
        let count = random.as_mut().ok_or(NoEntropy)?;
        for chunk in buffer.chunks_mut(32) {
            *count += 1;
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &count.to_be_bytes());
            chunk.copy_from_slice(&digest.as_ref()[..chunk.len()]);
        }
        Ok(())
    }
}
