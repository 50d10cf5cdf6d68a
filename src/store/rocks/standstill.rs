//! That nobody writes to a database while it is read: RocksDB itself does not see to that where it opens one to read.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};

use crate::store::Error;

/// The file of which whoever writes holds the lock.
const LOCK: &str = "LOCK";

/// Keeps others from opening a database to write, as long as it is there. Whoever else only reads has one as well.
///
/// # Correctness
/// The lock is the process's: another one that this very process has, as one that serves, is neither seen nor kept.
#[derive(Debug)]
pub struct Standstill {
    file: PathBuf,
    lock: Option<File>,
}

impl Standstill {
    /// Does not wait.
    ///
    /// # Errors
    /// [`Error::InUse`] while a process has the database open; [`Error::Io`] when the system refuses.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let file = path.join(LOCK);
        let lock = match File::open(&file) {
            Ok(lock) => lock,
            // Whoever opens a database to write makes it: nobody has opened this copy. To make it would be a change.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { file, lock: None }),
            Err(error) => return Err(Error::Io(format!("{}: {error}", file.display()))),
        };
        match fcntl_lock(&lock, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Self { file, lock: Some(lock) }),
            Err(Errno::ACCESS | Errno::AGAIN) => Err(Error::InUse),
            Err(error) => Err(Error::Io(format!("{}: {}", file.display(), io::Error::from(error)))),
        }
    }

    /// Lets others write again.
    ///
    /// # Errors
    /// [`Error::InUse`] when somebody has opened the database to write since, which nobody is kept from where there was no
    /// file to lock: what was read then says nothing.
    pub fn end(self) -> Result<(), Error> {
        if self.lock.is_none() && self.file.exists() { Err(Error::InUse) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn where_nothing_can_be_locked_it_is_seen_that_somebody_came() {
        let folder = tempfile::tempdir().unwrap();
        Standstill::of(folder.path()).unwrap().end().unwrap();
        assert!(fs::read_dir(folder.path()).unwrap().next().is_none(), "nothing is made by looking");
        let held = Standstill::of(folder.path()).unwrap();
        File::create(folder.path().join(LOCK)).unwrap();
        assert_eq!(held.end(), Err(Error::InUse));
        // One that was there is locked, and is none of others.
        Standstill::of(folder.path()).unwrap().end().unwrap();
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_the_databases_and_no_backups() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(LOCK, folder.path().join(LOCK)).unwrap();
        assert!(matches!(Standstill::of(folder.path()), Err(Error::Io(_))));
    }
}
