//! Files for one owner.

use std::{
    fs::{File, OpenOptions},
    io,
    path::Path,
};

use crate::owner::give_to_owner_of_folder;

/// Makes a file that is not there, to be written to, for the owner of its folder and nobody else.
///
/// # Errors
/// There is something already, or the system refuses.
pub fn create_private(path: &Path) -> io::Result<File> {
    create(path, 0o600)
}

/// Makes a file that is not there, with these permission bits (less the umask), for the owner of its folder.
pub(crate) fn create(path: &Path, mode: u32) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_mode(&mut options, mode);
    let made = options.open(path)?;
    give_to_owner_of_folder(path, &made)?;
    Ok(made)
}

/// Opens a file to be locked, and makes it as [`create_private`] does if it is not there.
///
/// # Errors
/// The system refuses.
///
/// # Security
/// A file that is there is never given away: it may be a link that the owner of the folder made.
pub fn open_private(path: &Path) -> io::Result<File> {
    match create_private(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path),
        made => made,
    }
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    std::os::unix::fs::OpenOptionsExt::mode(options, mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: u32) {}

#[cfg(all(test, unix))]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn they_are_made_once_and_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        open_private(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "kept").unwrap();
        assert_eq!(create_private(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        open_private(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"kept");
    }
}
