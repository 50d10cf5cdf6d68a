//! Makes the keyring's folder, so that it is still there after a crash.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use super::{
    KeyringError,
    file::{failed, folder_of, give_to_owner},
};

/// Makes a folder that is not there, and those above it that are not, each for the owner of the one that it stands in.
pub(super) fn make(folder: &Path) -> Result<(), KeyringError> {
    make_and(folder, &mut |above| File::open(above)?.sync_all()).map_err(failed(folder))
}

/// After each level that is made, `sync` has to bring the entries of the folder above it to the disk.
fn make_and(folder: &Path, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    for level in folder.ancestors().filter(|level| !level.as_os_str().is_empty()) {
        if fs::exists(level)? {
            break;
        }
        missing.push(level);
    }
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    for level in missing.into_iter().rev() {
        match builder.create(level) {
            Ok(()) => give_to_owner(level, &open(level)?)?,
            // Another process was quicker. Whether it will get to the end is its own affair: this one syncs as well.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        sync(folder_of(level))?;
    }
    Ok(())
}

/// Opens a folder that was just made, to give it away.
///
/// # Security
/// What root makes in a folder of somebody else, that one can put something else in the place of: a link to a file of
/// root's, or a pipe. Neither is opened.
#[cfg(unix)]
fn open(folder: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(folder)
}

#[cfg(not(unix))]
fn open(folder: &Path) -> io::Result<File> {
    File::open(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_above_each_level_that_is_made_is_synced() {
        let site = tempfile::TempDir::new().unwrap();
        let root = site.path().to_owned();
        let made = |folder: &Path| {
            let mut synced = Vec::new();
            let mut record = |above: &Path| {
                synced.push(above.to_owned());
                Ok(())
            };
            make_and(folder, &mut record).unwrap();
            assert!(folder.is_dir());
            synced
        };
        assert_eq!(made(&root.join("a/b/c")), [root.clone(), root.join("a"), root.join("a/b")]);
        assert_eq!(made(&root.join("a/b/d")), [root.join("a/b")]);
        assert!(made(&root.join("a/b/d")).is_empty(), "nothing was made");
        let failing = make_and(&root.join("e"), &mut |_| Err(io::ErrorKind::Other.into()));
        assert!(failing.is_err(), "what may be gone after a crash is not relied on");
    }

    #[cfg(unix)]
    #[test]
    fn what_was_put_in_its_place_is_not_given_away() {
        let site = tempfile::TempDir::new().unwrap();
        let (file, folder, link) = (site.path().join("file"), site.path().join("folder"), site.path().join("link"));
        fs::write(&file, "").unwrap();
        fs::create_dir(&folder).unwrap();
        assert!(open(&folder).is_ok() && open(&file).is_err());
        for target in [&file, &folder] {
            std::os::unix::fs::symlink(target, &link).unwrap();
            assert!(open(&link).is_err(), "{}", target.display());
            fs::remove_file(&link).unwrap();
        }
    }
}
