//! How many indexes were passed over by all restores from one folder of backups.
//!
//! A backup knows of the restores before it and of none after it. One that is put back a second time must not lead to the
//! indexes that were given after the first: so the folder keeps count, and it counts before anything is put back.

use std::{fs, io, path::Path};

use restante_files::replace;

use super::{Vault, backup, restored::GAP};
use crate::store::Error;

/// The file's name in the folder of backups.
pub(super) const NAME: &str = "passed_over";

impl Vault {
    /// How many indexes partitions have been moved in all when the next restore is done, by a database that was moved so
    /// many before: more than after any other restore from this folder. It is on the disk when this returns.
    ///
    /// # Errors
    /// [`Error::Backup`] when the count cannot be read or written.
    pub(super) fn pass_over(&self, before: u32) -> Result<u32, Error> {
        let path = self.path().join(NAME);
        let total = read(&path)?.max(before).saturating_add(GAP);
        replace(&path, &total.to_be_bytes(), 0o600).map_err(backup::io(&path))?;
        Ok(total)
    }
}

/// What the file says; nothing was passed over without one.
fn read(path: &Path) -> Result<u32, Error> {
    match fs::read(path) {
        Ok(bytes) => bytes
            .try_into()
            .map(u32::from_be_bytes)
            .map_err(|_| Error::Backup(format!("{} is damaged: take it from a copy of that folder", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(backup::io(path)(error)),
    }
}
