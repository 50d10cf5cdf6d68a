//! A copy of a backup that is looked at and then removed.
//!
//! It stands in the folder of backups, which is private, and on the disk that backups are for: the disk of a database that
//! is served with is never filled by it.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use restante_files::{open_private, remove_folder};

use super::{Vault, backup};
use crate::store::Error;

/// The copy, in the folder of backups, and the file that whoever looks at it has locked. The file stays: one that came and
/// went could be locked by two.
pub(super) const NAME: &str = "verifying";
pub(super) const LOCK: &str = "verifying.lock";

/// A copy that nobody else changes or removes.
#[derive(Debug)]
pub struct Aside {
    path: PathBuf,
    _lock: File,
}

impl Vault {
    /// Copies a backup aside, and compares each file's checksum on the way. What an earlier one has left goes. The folder of
    /// backups is free as soon as this vault is dropped, and the copy stays.
    ///
    /// # Errors
    /// [`Error::BackupsInUse`] while another process looks at one; [`Error::Backup`] as [`Vault::copy_out`] says.
    pub fn copy_aside(&mut self, id: u32) -> Result<Aside, Error> {
        let lock_path = self.path().join(LOCK);
        let lock = backup::hold(open_private(&lock_path).map_err(backup::io(&lock_path))?, &lock_path)?;
        let aside = Aside { path: self.path().join(NAME), _lock: lock };
        remove_folder(&aside.path).map_err(backup::io(&aside.path))?;
        if let Err(error) = self.copy_out(id, &aside.path) {
            // What went wrong first is what the operator has to know; the next one removes what is left.
            drop(aside.remove());
            return Err(error);
        }
        Ok(aside)
    }
}

impl Aside {
    /// Where it stands.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it.
    ///
    /// # Errors
    /// The system refuses.
    pub fn remove(self) -> Result<(), Error> {
        remove_folder(&self.path).map_err(backup::io(&self.path))
    }
}
