//! Backups while the service runs: one at a time, by a thread of its own; whoever asks is told how it stands.

use std::{collections::VecDeque, num::NonZeroU32, path::PathBuf, sync::Arc};

use tokio::sync::watch;

use super::Service;
use crate::{
    sequencer::UnixMillis,
    store::{self, Backup},
};

/// Where backups are kept, and how many.
#[derive(Clone, Debug)]
pub struct BackupPlace {
    /// Their folder.
    pub folder: PathBuf,
    /// So many of the latest.
    pub keep: NonZeroU32,
}

/// So many outcomes are told of: few backups end before whoever waits for one asks again.
const RECENT: usize = 8;

/// How backups stand. They are numbered from 1 on as they are begun, whatever becomes of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackupStatus {
    /// How many were begun since the server was started.
    pub begun: u64,
    /// Since when one is being made.
    pub started_ms: Option<UnixMillis>,
    /// How many of those that ended were made.
    pub made: u64,
    /// When the database was as it is in the last of these; 0 when none was made since the server was started.
    pub last_made_ms: UnixMillis,
    /// What came of the last few that ended since the server was started, each with its number; the latest stands last.
    pub recent: VecDeque<(u64, Result<Backup, store::Error>)>,
}

impl BackupStatus {
    /// How many have ended: the number of the one that is spoken of as the last.
    pub fn ended(&self) -> u64 {
        self.begun.saturating_sub(u64::from(self.started_ms.is_some()))
    }

    /// What came of the last one that ended since the server was started.
    pub fn last(&self) -> Option<&Result<Backup, store::Error>> {
        self.recent.back().map(|(_, outcome)| outcome)
    }
}

/// What came of asking for a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedBackup {
    /// Whether it was begun. Otherwise one was being made before, and what was acknowledged since need not be in that.
    pub began: bool,
    /// Its number, or that of the one that was being made.
    pub number: u64,
    /// The folder that it is made in.
    pub folder: PathBuf,
    /// How backups stand.
    pub status: BackupStatus,
}

/// Backups of one service.
#[derive(Debug)]
pub(super) struct Backups {
    place: Option<BackupPlace>,
    status: watch::Sender<BackupStatus>,
}

impl Backups {
    pub(super) fn to(place: Option<BackupPlace>) -> Self {
        Self { place, status: watch::Sender::default() }
    }
}

impl Service {
    /// The same service, with a place for backups.
    #[must_use]
    pub fn backing_up_to(mut self, place: BackupPlace) -> Self {
        self.backups = Backups::to(Some(place));
        self
    }

    /// Begins a backup, unless one is being made. It goes on when nobody asks any more. `None` without a place for it.
    pub fn begin_backup(self: &Arc<Self>) -> Option<AskedBackup> {
        let place = self.backups.place.clone()?;
        let (now, mut number) = (self.now(), 0);
        let began = self.backups.status.send_if_modified(|status| {
            let is_free = status.started_ms.is_none();
            status.started_ms.get_or_insert(now);
            status.begun += u64::from(is_free);
            number = status.begun;
            is_free
        });
        let folder = place.folder.clone();
        if !began {
            return Some(AskedBackup { began, number, folder, status: self.backup_status() });
        }
        let service = self.clone();
        tokio::task::spawn_blocking(move || {
            let mut ending = Ending { backups: &service.backups, last: None };
            let keep = usize::try_from(place.keep.get()).unwrap_or(usize::MAX);
            let made = service.store.back_up(&place.folder, keep);
            match &made {
                Ok(Backup { id, bytes, files, .. }) => tracing::info!(id, bytes, files, "backup made"),
                Err(error) => tracing::error!(%error, "no backup was made"),
            }
            ending.last = Some(made);
        });
        Some(AskedBackup { began, number, folder, status: self.backup_status() })
    }

    /// How backups stand.
    pub fn backup_status(&self) -> BackupStatus {
        self.backups.status.borrow().clone()
    }

    /// Returns when no backup is being made. The engine cannot be told to leave one.
    pub async fn backup_ended(&self) {
        let mut status = self.backups.status.subscribe();
        // The sender is our own.
        drop(status.wait_for(|status| status.started_ms.is_none()).await);
    }
}

/// Says that the backup has ended, also when its thread does so by a bug: whoever waits for it would wait for ever.
struct Ending<'a> {
    backups: &'a Backups,
    last: Option<Result<Backup, store::Error>>,
}

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        let last = self.last.take().unwrap_or_else(|| {
            let text = "the backup ended by a bug: tell who maintains the program what the log says";
            Err(store::Error::Backup(text.to_owned()))
        });
        self.backups.status.send_modify(|status| {
            status.started_ms = None;
            if status.recent.len() == RECENT {
                status.recent.pop_front();
            }
            if let Ok(backup) = &last {
                status.made += 1;
                status.last_made_ms = backup.made_ms;
            }
            // One at a time: it is the one that was begun last.
            status.recent.push_back((status.begun, last));
        });
    }
}
