//! Marks of requests that were let through, on the disk before anything else happens to the request.
//!
//! One thread appends what has queued meanwhile and syncs once for all of it (group commit). Marks live for minutes, so
//! files are short-lived too: a new one is begun every minute, and one goes when its youngest mark has expired. Nothing is
//! ever rewritten. Up to when marks have gone is written down before they go.
//!
//! # Correctness
//! A write that failed poisons: nobody knows what is on the disk then, so nothing is let through until a restart. If
//! marks were lost or damaged, everything that may have been seen before is refused until its date is too old anyway.

mod checksum;
mod floor;
mod floor_record;
mod folder;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

pub(crate) use folder::{Folder, Restored, restore};
use restante_gateway::ReplayMark;
use tokio::sync::{mpsc, oneshot};
use writer::Writer;

/// So many may wait for the disk; the gateway admits no more at a time anyway.
const QUEUE: usize = 4096;

/// A mark is not on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotWritten;

/// The file of marks cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MarksError {
    /// The folder or a file in it.
    #[error("replays.path: {0}")]
    Io(#[from] std::io::Error),
    /// Another process writes there.
    #[error("replays.path is in use by another process: stop that one, or give each a replays.path and a keys.path")]
    InUse,
}

/// Writes marks. Clones share one thread, which ends after the last of them.
#[derive(Clone, Debug)]
pub(crate) struct Marks {
    queue: mpsc::Sender<Waiting>,
    poisoned: Arc<AtomicBool>,
}

struct Waiting {
    mark: ReplayMark,
    written: oneshot::Sender<()>,
}

impl Marks {
    /// Starts the thread, which the caller joins. `now_ms` tells when files are to be begun or removed.
    pub(crate) fn start(
        folder: Folder,
        now_ms: impl Fn() -> u64 + Send + 'static,
    ) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let poisoned = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(folder, Arc::clone(&poisoned));
        let thread = thread::Builder::new().name("marks".to_owned()).spawn(move || writer.run(waiting, now_ms))?;
        Ok((Self { queue, poisoned }, thread))
    }

    /// Returns when the mark is on the disk.
    ///
    /// # Errors
    /// It is not, or nobody knows; or there is no place in the queue.
    pub(crate) async fn write(&self, mark: ReplayMark) -> Result<(), NotWritten> {
        let (written, answer) = oneshot::channel();
        self.queue.try_send(Waiting { mark, written }).map_err(|_| NotWritten)?;
        answer.await.map_err(|_| NotWritten)
    }

    /// Whether a write failed, or nobody writes any more.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.poisoned.load(Relaxed) || self.queue.is_closed()
    }

    /// Returns when the thread has ended, which it does not while there is one of these unless it has a bug.
    pub(crate) async fn ended(&self) {
        self.queue.closed().await;
    }
}
