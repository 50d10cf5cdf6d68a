//! That nobody writes to a database while it is read: RocksDB itself does not see to that where it opens one to read.

use std::{fs::File, io, path::Path};

use rustix::{
    fs::{FlockOperation, fcntl_lock},
    io::Errno,
};

use super::backup;
use crate::store::Error;

/// The file of which whoever writes holds the lock.
const LOCK: &str = "LOCK";

/// Keeps others from opening a database to write, as long as it is there. Whoever else only reads has one as well.
///
/// # Correctness
/// The lock is the process's: another one that this very process has, as one that serves, is neither seen nor kept.
#[derive(Debug)]
pub struct Standstill {
    _lock: Option<File>,
}

impl Standstill {
    /// Does not wait.
    ///
    /// # Errors
    /// [`Error::InUse`] while a process has the database open; [`Error::Io`] when the system refuses.
    pub fn of(path: &Path) -> Result<Self, Error> {
        let file = match File::open(path.join(LOCK)) {
            Ok(file) => file,
            // Whoever opens a database to write makes it: nobody has opened this copy. To make it would be a change.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self { _lock: None }),
            Err(error) => return Err(backup::io(error)),
        };
        match fcntl_lock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => Ok(Self { _lock: Some(file) }),
            Err(Errno::ACCESS | Errno::AGAIN) => Err(Error::InUse),
            Err(error) => Err(backup::io(error.into())),
        }
    }
}
