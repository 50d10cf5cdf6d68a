//! The thread that writes marks.

use std::{
    fs::File,
    io::{self, Write as _},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use tokio::sync::mpsc;

use super::{
    Waiting,
    folder::Folder,
    segment::{self, BATCH_MAX, RECORD},
};

/// A file is appended to for so long; then the next is begun, so that this one can go when its marks have expired.
const FILE_MS: u64 = 60_000;

pub(super) struct Writer {
    folder: Folder,
    open: Option<Open>,
    poisoned: Arc<AtomicBool>,
}

/// The file that is appended to.
struct Open {
    file: File,
    path: PathBuf,
    /// Then the next file is begun.
    until_ms: u64,
    /// When its last mark expires: then the file goes.
    last_ms: u64,
    /// How many are in it.
    records: u32,
}

impl Writer {
    pub(super) fn new(folder: Folder, poisoned: Arc<AtomicBool>) -> Self {
        Self { folder, open: None, poisoned }
    }

    /// Writes until nobody can ask any more. After a failure it answers nobody: dropping their senders says so.
    pub(super) fn run(mut self, mut waiting: mpsc::Receiver<Waiting>, now_ms: impl Fn() -> u64) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        while waiting.blocking_recv_many(&mut batch, BATCH_MAX) > 0 {
            if !self.poisoned.load(Relaxed)
                && let Err(error) = self.write(&batch, now_ms())
            {
                self.poisoned.store(true, Relaxed);
                tracing::error!(kind = ?error.kind(), "marks of requests cannot be written: nothing is let through");
            }
            let is_poisoned = self.poisoned.load(Relaxed);
            for Waiting { written, .. } in batch.drain(..) {
                if !is_poisoned {
                    // Whoever waited may have gone; the mark stays.
                    let _ = written.send(());
                }
            }
        }
    }

    fn write(&mut self, batch: &[Waiting], now_ms: u64) -> io::Result<()> {
        if self.open.as_ref().is_some_and(|open| open.until_ms <= now_ms)
            && let Some(Open { path, last_ms, .. }) = self.open.take()
        {
            self.folder.closed.push((path, last_ms));
        }
        self.folder.remove_expired(now_ms)?;
        let last_ms = batch.iter().map(|waiting| waiting.mark.expires_ms).max().unwrap_or(now_ms);
        let open = match &mut self.open {
            Some(open) => open,
            none => {
                let (file, path) = self.folder.begin()?;
                none.insert(Open { file, path, until_ms: now_ms.saturating_add(FILE_MS), last_ms, records: 0 })
            }
        };
        open.last_ms = open.last_ms.max(last_ms);
        let mut records = Vec::with_capacity(batch.len() * RECORD);
        segment::encode(batch.iter().map(|waiting| waiting.mark), open.records, &mut records);
        // The next file is begun long before there are so many.
        open.records = open.records.saturating_add(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        open.file.write_all(&records)?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::MarksBeforeSync);
        open.file.sync_data()?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::MarksAfterSync);
        Ok(())
    }
}
