//! To whom files belong that a command makes for a service.

use std::{
    fs::{self, File, Metadata},
    io,
    path::Path,
};

/// Gives what was just made at `path`, a file or a folder, to whom the folder belongs that it stands in. Others than root
/// may not give files away, and keep theirs.
#[cfg(unix)]
pub(crate) fn give_to_owner_of_folder(path: &Path, made: &File) -> io::Result<()> {
    give_to_owner(made, &fs::metadata(crate::folder_of(path))?)
}

/// The same to the owner of something else.
#[cfg(unix)]
pub(crate) fn give_to_owner(made: &File, owner: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    if owner.uid() == made.metadata()?.uid() {
        return Ok(());
    }
    match fchown(made, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Gives a file that was just made to whom the one belongs in whose place it is put, and as many bits: whoever could
/// read that one can read this one. The owner comes before the bits, so that no group gets in that it is not for.
///
/// # Errors
/// It cannot be given away, as by somebody who is not root.
#[cfg(unix)]
pub(crate) fn give_to_owner_of(before: &Metadata, made: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, fchown};
    let now = made.metadata()?;
    // A group that may do nothing with the file need not be kept, and may be one that only root can give it to.
    let has_group = now.gid() == before.gid() || before.mode() & 0o070 == 0;
    if now.uid() != before.uid() || !has_group {
        fchown(made, Some(before.uid()), Some(before.gid()))?;
    }
    made.set_permissions(fs::Permissions::from_mode(before.mode() & 0o777))
}

/// Files have no owners of this kind here.
#[cfg(not(unix))]
pub(crate) fn give_to_owner(_: &File, _: &Metadata) -> io::Result<()> {
    Ok(())
}

/// Files have no owners of this kind here.
#[cfg(not(unix))]
pub(crate) fn give_to_owner_of_folder(_: &Path, _: &File) -> io::Result<()> {
    Ok(())
}

/// Files have no owners of this kind here.
#[cfg(not(unix))]
pub(crate) fn give_to_owner_of(_: &Metadata, _: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

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

    #[test]
    fn owner_bits_and_a_group_that_may_read_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (folder.path().join("old"), folder.path().join("new"));
        let told = |path: &Path| {
            let metadata = fs::metadata(path).unwrap();
            (metadata.uid(), metadata.gid(), metadata.mode() & 0o777)
        };
        fs::write(&old, "").unwrap();
        let (own, own_group, _) = told(&old);
        // As above.
        let is_given = own == 0 && chown(&old, Some(4711), Some(4712)).is_ok();
        for mode in [0o640, 0o400] {
            fs::set_permissions(&old, fs::Permissions::from_mode(mode)).unwrap();
            give_to_owner_of(&fs::metadata(&old).unwrap(), &File::create(&new).unwrap()).unwrap();
            assert_eq!(told(&new), told(&old));
            fs::remove_file(&new).unwrap();
        }
        if is_given {
            chown(&old, Some(own), None).unwrap();
            give_to_owner_of(&fs::metadata(&old).unwrap(), &File::create(&new).unwrap()).unwrap();
            assert_eq!(told(&new), (own, own_group, 0o400), "the group may do nothing");
        }
    }
}
