//! Backups: copies of the database at one moment each, made while it is written to. What two of them have in common is
//! there once, so each takes the room of what has changed.
//!
//! # Security
//! A backup holds what the database holds, its secrets included. Its folder is made for its owner alone (mode 0700), and
//! refused if others may enter it.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use restante_files::{LockError, lock, make_folder, open_to_others, overlap};
use rocksdb::{
    Env, ErrorKind,
    backup::{BackupEngine, BackupEngineOptions, RestoreOptions},
};

use super::{
    RocksStore, damage,
    lineage::{self, Lineage},
    open::provider_of,
};
use crate::store::{Backup, Backups, DamagedBackup, Error};

/// A folder with backups, which this process holds.
pub struct Vault {
    path: PathBuf,
    engine: BackupEngine,
    _lock: File,
}

impl Vault {
    /// Opens the folder to make a backup of that database, and makes it if need be.
    ///
    /// # Errors
    /// [`Error::BackupsInUse`] while another process makes, looks at or restores a backup there; [`Error::Backup`] when others
    /// may read the folder, when it lies in the database's or that one in it, when it has another database's backups or
    /// other things, or the system refuses.
    pub(super) fn make(path: &Path, store: &RocksStore) -> Result<Self, Error> {
        // Links may lead elsewhere than when the configuration was checked.
        if overlap(path, store.db().path()) {
            return Err(Error::Backup(format!(
                "{} and the database's own folder lie in each other: name a folder elsewhere in store.backup_path",
                path.display()
            )));
        }
        make_folder(path, 0o700).map_err(io(path))?;
        let lock = enter(path)?;
        Lineage::of(store).claim(path, &provider_of(store)?)?;
        Self::of(path, lock)
    }

    /// Opens a folder that is there, whoever's backups it has.
    ///
    /// # Errors
    /// The same but for another database's backups.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let lock = enter(path)?;
        lineage::require_no_other_things(path)?;
        Self::of(path, lock)
    }

    fn of(path: &Path, lock: File) -> Result<Self, Error> {
        Ok(Self { path: path.to_owned(), engine: open_engine(path)?, _lock: lock })
    }

    /// The folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the engine takes for backups, in no order: also those whose files were cut.
    pub(super) fn known(&self) -> Vec<Backup> {
        let found = self.engine.get_backup_info().into_iter().map(|info| Backup {
            id: info.backup_id,
            made_ms: u64::try_from(info.timestamp).unwrap_or(0).saturating_mul(1000),
            bytes: info.size,
            files: info.num_files,
        });
        found.collect()
    }

    /// The backup of that number, or the latest. An earlier one is never taken for the latest: what is in between is lost
    /// only where the operator says so.
    ///
    /// # Errors
    /// [`Error::Backup`]: there is none, or it is damaged.
    pub fn find(&self, id: Option<u32>) -> Result<Backup, Error> {
        let Backups { whole, damaged } = self.backups()?;
        let found = match id {
            Some(id) => whole.into_iter().find(|backup| backup.id == id),
            None => whole.into_iter().last(),
        };
        let folder = self.path.display();
        let asked = |damaged: &DamagedBackup| match id {
            Some(id) => damaged.id == id,
            None => found.is_none_or(|found| found.id < damaged.id),
        };
        if let Some(DamagedBackup { id: latest, why }) = damaged.into_iter().rev().find(asked) {
            return Err(Error::Backup(match (id, found) {
                (Some(id), _) => {
                    format!("backup {id} is damaged ({why}): name another with `--backup`, see `restante backup list`")
                }
                (None, Some(earlier)) => format!(
                    "backup {latest}, the latest, is damaged ({why}): take what is wrong from a copy of {folder}, or \
                     go back to an earlier one, which has less, with `--backup {}`",
                    earlier.id
                ),
                (None, None) => format!(
                    "backup {latest}, the latest, is damaged ({why}), and no earlier one is whole: take what is wrong \
                     from a copy of {folder}; `restante backup list` says what it is"
                ),
            }));
        }
        found.ok_or_else(|| {
            Error::Backup(match id {
                Some(id) => format!("there is no backup {id} in {folder}: see `restante backup list`"),
                None => format!(
                    "there is no backup in {folder}: `restante backup create` makes one; if there were some, see what \
                     store.backup_path names"
                ),
            })
        })
    }

    /// Copies everything that a backup consists of to an empty folder, and compares each file's checksum on the way.
    ///
    /// # Errors
    /// [`Error::Backup`] when a file is missing, has another length or checksum, or the disk takes no more.
    pub fn copy_out(&mut self, id: u32, to: &Path) -> Result<(), Error> {
        // Lengths first: it takes no time, and says more clearly what is missing.
        self.engine.verify_backup(id).map_err(copying)?;
        make_folder(to, 0o700).map_err(io(to))?;
        let copied = self.engine.restore_from_backup(to, to, &RestoreOptions::default(), id).map_err(copying);
        // Its threads may still be at the files that come next, and have ended when it has. The error is the first one's.
        if copied.is_err()
            && let Ok(engine) = open_engine(&self.path)
        {
            self.engine = engine;
        }
        copied
    }
}

impl Vault {
    /// Removes all backups before the latest `keep` whole ones. The engine counts damaged ones as well, and would remove
    /// whole ones for them.
    fn purge(&mut self, keep: usize) -> Result<(), Error> {
        // Those are whole again whose table the new one has brought back, and this engine has not read them.
        self.engine = open_engine(&self.path)?;
        let whole = self.backups()?.whole;
        let Some(first_kept) = whole.len().checked_sub(keep).map(|index| whole[index].id) else { return Ok(()) };
        let kept = self.known().iter().filter(|backup| backup.id >= first_kept).count();
        self.engine.purge_old_backups(kept).map_err(engine)
    }
}

impl RocksStore {
    /// Makes a backup, and removes the oldest ones but for `keep`. Writes go on meanwhile: what was acknowledged before this
    /// was called is in the backup.
    pub(super) fn back_up_to(&self, path: &Path, keep: usize) -> Result<Backup, Error> {
        let mut vault = Vault::make(path, self)?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::BackupBeforeFiles);
        // What is in memory becomes files first: these are shared by later backups, logs are not.
        vault.engine.create_new_backup_flush(self.db(), true).map_err(|error| making(error, path))?;
        let made = vault.known().into_iter().max_by_key(|backup| backup.id);
        let made = made.ok_or_else(|| Error::Backup(format!("the one that was made is not in {}", path.display())))?;
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::BackupBeforePurge);
        // It is made, whatever becomes of the old ones: the next one removes those as well.
        if let Err(error) = vault.purge(keep.max(1)) {
            tracing::warn!(%error, "old backups were not removed");
        }
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::BackupAfterPurge);
        Ok(made)
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Vault").finish_non_exhaustive()
    }
}

fn open_engine(path: &Path) -> Result<BackupEngine, Error> {
    let options = BackupEngineOptions::new(path).map_err(engine)?;
    Env::new().and_then(|env| BackupEngine::open(&options, &env)).map_err(engine)
}

/// Has the folder for this process alone, if nobody else may read it.
fn enter(path: &Path) -> Result<File, Error> {
    require_private(path)?;
    hold(File::open(path).map_err(io(path))?, path)
}

/// Has the file at that path for this process alone.
pub(super) fn hold(file: File, path: &Path) -> Result<File, Error> {
    lock(file).map_err(|error| match error {
        LockError::Held => Error::BackupsInUse,
        LockError::Io(error) => io(path)(error),
    })
}

/// RocksDB gives its files the modes of the umask, so the folder has to keep others out.
fn require_private(path: &Path) -> Result<(), Error> {
    let metadata = fs::metadata(path).map_err(io(path))?;
    if !metadata.is_dir() {
        return Err(io(path)(io::ErrorKind::NotADirectory.into()));
    }
    if open_to_others(path).map_err(io(path))?.is_some() {
        return Err(Error::Backup(format!(
            "{path} may be entered by others, and backups hold the database's secrets: `chmod 700 {path}`",
            path = path.display()
        )));
    }
    Ok(())
}

/// What the system refuses about that path, in the folder of backups.
pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |error| {
        let next = match error.kind() {
            io::ErrorKind::NotFound => {
                "`restante backup create` makes the folder with the first backup; if there were some, see what \
                 store.backup_path names, and whether its disk is there"
            }
            io::ErrorKind::AlreadyExists => "something else is there: move it away",
            io::ErrorKind::NotADirectory => "a file is where a folder should be: name a folder in store.backup_path",
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "see whose the folder is, and whether the service may write there (ReadWritePaths= in its unit)"
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there, or keep fewer backups",
            _ => "look at the disk",
        };
        Error::Backup(format!("{}: {error}: {next}", path.display()))
    }
}

/// What fails while a backup is made, or all of them are looked at.
fn engine(error: rocksdb::Error) -> Error {
    let next = match error.kind() {
        // The engine reads files of both, and does not always say whose was wrong.
        ErrorKind::Corruption => {
            "a file of the database or one of the backups is damaged, so look at both disks; `restante backup verify` \
             looks at the backups, and, when the server is stopped, `restante db verify` at the database"
        }
        _ => "look at that disk, and whether it has room",
    };
    Error::Backup(format!("{}: {next}", error.into_string()))
}

/// What fails while one is made. The engine takes a file that was cut for the one that it would copy.
fn making(error: rocksdb::Error, folder: &Path) -> Error {
    let cut = if error.kind() == ErrorKind::Corruption { damage::cut_file(folder, error.as_ref()) } else { None };
    match cut {
        Some(cut) => Error::Backup(format!(
            "{cut}, in {}: it was damaged since, and earlier backups with it. Take that file away, and the next backup \
             has it again",
            folder.display()
        )),
        None => engine(error),
    }
}

/// Stands where the engine would name a file.
const NAMELESS: &str = "While restoring  -> : ";

/// What fails while one is copied out.
fn copying(error: rocksdb::Error) -> Error {
    match error.kind() {
        // The engine compares checksums without saying of which file.
        ErrorKind::Corruption | ErrorKind::NotFound => Error::Backup(format!(
            "the backup is damaged ({}): try an earlier one, see `restante backup list`",
            error.into_string().replace(NAMELESS, "a file has other bytes: ")
        )),
        _ => engine(error),
    }
}
