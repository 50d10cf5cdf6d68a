//! A whole file in the place of another.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{folder_of, owner::give_to_owner_of, private, sync_folder};

/// Puts a file in the place of `path`. Whoever reads it meanwhile finds the old one or the new one, and so after a crash;
/// when this returns the new one is on the disk. It has owner and permission bits of the one before; the first one belongs
/// to whom its folder belongs to and has the bits `mode`, less the umask.
///
/// It is written beside the old one, under its name and `.new`: two processes at once must not do this (see
/// [`lock`](crate::lock)).
///
/// # Errors
/// The system refuses. The old file is there, or the new one if only its folder could not be synced.
///
/// # Security
/// What stands under either name may be a link that the owner of the folder made: it is never written to, and nothing is
/// taken from what it points at.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let beside = beside(path);
    // One that a crash left, which may have any owner and bits.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut made = private::create(&beside, mode)?;
    match fs::symlink_metadata(path) {
        Ok(before) if before.is_file() => give_to_owner_of(&before, &made)?,
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    made.write_all(bytes)?;
    #[cfg(feature = "faults")]
    restante_faults::pass(restante_faults::Point::ReplaceBeforeSync);
    made.sync_all()?;
    #[cfg(feature = "faults")]
    restante_faults::pass(restante_faults::Point::ReplaceBeforeRename);
    fs::rename(&beside, path)?;
    #[cfg(feature = "faults")]
    restante_faults::pass(restante_faults::Point::ReplaceAfterRename);
    sync_folder(folder_of(path))
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::symlink_metadata(path).expect("it was just made").permissions().mode() & 0o777
    }

    #[test]
    fn the_first_has_the_bits_that_are_asked_for_and_others_those_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"one", 0o600).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"one".to_vec(), 0o600));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"2", 0o600).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"2".to_vec(), 0o640));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_a_crash_left_beside_it_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(beside(&path), "half of something that was longer").unwrap();
        replace(&path, b"whole", 0o600).unwrap();
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"whole".to_vec(), 0o600));
    }

    #[test]
    fn what_cannot_be_written_leaves_the_file_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        replace(&path, b"old", 0o600).unwrap();
        // A folder of that name cannot be removed as a file.
        fs::create_dir(beside(&path)).unwrap();
        assert!(replace(&path, b"new", 0o600).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    /// Whoever owns the folder could otherwise have root write, and give away, a file of somebody else.
    #[test]
    fn links_are_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, precious) = (folder.path().join("file"), folder.path().join("precious"));
        fs::write(&precious, "precious").unwrap();
        fs::set_permissions(&precious, fs::Permissions::from_mode(0o644)).unwrap();
        symlink(&precious, &path).unwrap();
        symlink(&precious, beside(&path)).unwrap();
        replace(&path, b"new", 0o600).unwrap();
        assert_eq!((fs::read(&precious).unwrap(), mode(&precious)), (b"precious".to_vec(), 0o644));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        assert_eq!((fs::read(&path).unwrap(), mode(&path)), (b"new".to_vec(), 0o600));
    }
}
