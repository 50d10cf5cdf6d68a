//! To whom files belong that a command makes for a service.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// Gives what was just made at `path`, a file or a folder, to whom the folder belongs that it stands in: what root makes
/// can be used by the service. Others than root may not give files away, and keep theirs.
///
/// # Errors
/// The system refuses for another reason, or the folder cannot be looked at.
#[cfg(unix)]
pub fn give_to_owner_of_folder(path: &Path, made: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let owner = fs::metadata(folder_of(path))?;
    if owner.uid() == made.metadata()?.uid() {
        return Ok(());
    }
    match fchown(made, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// The folder that something stands in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Files have no owners of this kind here.
///
/// # Errors
/// None.
#[cfg(not(unix))]
pub fn give_to_owner_of_folder(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, chown};

    use super::*;

    #[test]
    fn what_root_makes_belongs_to_whom_the_folder_belongs_to() {
        let folder = tempfile::tempdir().unwrap();
        let before = fs::metadata(folder.path()).unwrap();
        // Only root can give a folder away, and not even root in some containers; whoever else runs this sees that
        // nothing is refused.
        let is_given = before.uid() == 0 && chown(folder.path(), Some(4711), Some(4712)).is_ok();
        let wanted = if is_given { (4711, 4712) } else { (before.uid(), before.gid()) };
        let (file, inner) = (folder.path().join("file"), folder.path().join("inner"));
        give_to_owner_of_folder(&file, &File::create(&file).unwrap()).unwrap();
        fs::create_dir(&inner).unwrap();
        give_to_owner_of_folder(&inner, &File::open(&inner).unwrap()).unwrap();
        for path in [file, inner] {
            let metadata = fs::metadata(&path).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), wanted, "{}", path.display());
        }
    }
}
