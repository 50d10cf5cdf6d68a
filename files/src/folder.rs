//! Folders that a program makes for itself, so that they are still there after a crash.

use std::{
    fs::{self, File},
    io,
    path::Path,
};

use crate::owner::{give_to_owner, give_to_owner_of_folder};

/// The folder that something stands in.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder that is not there, and those above it that are not, with these permission bits (less the umask), each
/// for the owner of the one that it stands in. When this returns their names are on the disk.
///
/// # Errors
/// The system refuses, or something that is no folder is there.
pub fn make_folder(folder: &Path, mode: u32) -> io::Result<()> {
    make_and(folder, mode, &mut sync_folder)
}

/// Returns when the names of what stands in a folder are on the disk.
///
/// # Errors
/// The system refuses.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The permission bits of a folder that others than its owner may enter or look into; `None` when nobody else may.
///
/// # Errors
/// The system refuses.
#[cfg(unix)]
pub fn open_to_others(folder: &Path) -> io::Result<Option<u32>> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(folder)?.permissions().mode() & 0o777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

/// Folders have no bits of this kind here.
#[cfg(not(unix))]
pub fn open_to_others(_: &Path) -> io::Result<Option<u32>> {
    Ok(None)
}

/// Gives a folder that stands in the place of another, or is to, to whom that one belonged. Others than root may not give
/// folders away, and keep theirs.
///
/// # Errors
/// The system refuses.
pub fn give_to_owner_of_former(folder: &Path, former: &fs::Metadata) -> io::Result<()> {
    give_to_owner(&open(folder)?, former)
}

/// Gives files that stand right in a folder, and that somebody else has made there in the name of this process, to whom the
/// folder belongs. Others than root may not give files away, and keep theirs.
///
/// # Errors
/// The system refuses; some of them may be given then.
///
/// # Security
/// A link, or a file that has another name elsewhere as well, may be the doing of the folder's owner: it stays whose it is.
pub fn give_files_to_owner(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let path = entry.path();
            let file = open_file(&path)?;
            if is_here_alone(&file)? {
                give_to_owner_of_folder(&path, &file)?;
            }
        }
    }
    Ok(())
}

/// Removes a folder with everything in it. One that is not there is no error.
///
/// # Errors
/// The system refuses; some of it may be gone then.
pub fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// After each level that is made, `sync` has to bring the entries of the folder above it to the disk.
fn make_and(folder: &Path, mode: u32, sync: &mut dyn FnMut(&Path) -> io::Result<()>) -> io::Result<()> {
    let mut missing: Vec<&Path> = Vec::new();
    for level in folder.ancestors().filter(|level| !level.as_os_str().is_empty()) {
        if level.try_exists()? {
            if !level.is_dir() {
                return Err(io::ErrorKind::NotADirectory.into());
            }
            break;
        }
        missing.push(level);
    }
    let builder = builder(mode);
    for level in missing.into_iter().rev() {
        match builder.create(level) {
            Ok(()) => give_to_owner_of_folder(level, &open(level)?)?,
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

/// The same for a file.
#[cfg(unix)]
fn open_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

#[cfg(not(unix))]
fn open_file(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Whether it is a file, and has one name.
#[cfg(unix)]
fn is_here_alone(file: &File) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.nlink() == 1)
}

#[cfg(not(unix))]
fn is_here_alone(file: &File) -> io::Result<bool> {
    Ok(file.metadata()?.is_file())
}

#[cfg(unix)]
fn builder(mode: u32) -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, mode);
    builder
}

#[cfg(not(unix))]
fn builder(_mode: u32) -> fs::DirBuilder {
    fs::DirBuilder::new()
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};

    use super::*;

    #[test]
    fn the_folder_above_each_level_that_is_made_is_synced() {
        let site = tempfile::tempdir().unwrap();
        let root = site.path().to_owned();
        let made = |folder: &Path| {
            let mut synced = Vec::new();
            let mut record = |above: &Path| {
                synced.push(above.to_owned());
                Ok(())
            };
            make_and(folder, 0o700, &mut record).unwrap();
            assert_eq!(fs::metadata(folder).unwrap().permissions().mode() & 0o777, 0o700);
            synced
        };
        assert_eq!(made(&root.join("a/b/c")), [root.clone(), root.join("a"), root.join("a/b")]);
        assert_eq!(made(&root.join("a/b/d")), [root.join("a/b")]);
        assert!(made(&root.join("a/b/d")).is_empty(), "nothing was made");
        let failing = make_and(&root.join("e"), 0o700, &mut |_| Err(io::ErrorKind::Other.into()));
        assert!(failing.is_err(), "what may be gone after a crash is not relied on");
    }

    #[test]
    fn what_is_no_folder_is_refused() {
        let site = tempfile::tempdir().unwrap();
        let file = site.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(make_folder(&file, 0o700).is_err() && make_folder(&file.join("inner"), 0o700).is_err());
        make_folder(&site.path().join("folder/inner"), 0o700).unwrap();
        assert!(site.path().join("folder/inner").is_dir());
    }

    #[test]
    fn files_in_a_folder_go_to_its_owner_and_nothing_that_is_elsewhere_too() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("folder");
        fs::create_dir(&folder).unwrap();
        let [file, named, linked] = ["file", "named", "linked"].map(|name| folder.join(name));
        let [precious, other] = ["precious", "other"].map(|name| site.path().join(name));
        for made in [&file, &precious, &other] {
            fs::write(made, "").unwrap();
        }
        fs::hard_link(&precious, &named).unwrap();
        std::os::unix::fs::symlink(&other, &linked).unwrap();
        let own = fs::metadata(&file).unwrap().uid();
        // Only root can give files away, and not even root in some containers.
        let is_given = own == 0 && chown(&folder, Some(4711), Some(4712)).is_ok();
        give_files_to_owner(&folder).unwrap();
        let owner = |path: &Path| fs::metadata(path).unwrap().uid();
        assert_eq!(owner(&file), if is_given { 4711 } else { own });
        assert_eq!([owner(&precious), owner(&other)], [own, own]);
    }

    #[test]
    fn a_folder_that_others_may_enter_or_look_into_is_told_by_its_bits() {
        let folder = tempfile::tempdir().unwrap();
        for mode in [0o700, 0o710, 0o704, 0o755] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(open_to_others(folder.path()).unwrap(), (mode != 0o700).then_some(mode));
        }
        assert!(open_to_others(&folder.path().join("none")).is_err());
    }

    #[test]
    fn a_folder_goes_to_whom_the_former_one_belonged() {
        let site = tempfile::tempdir().unwrap();
        let [former, folder] = ["former", "folder"].map(|name| site.path().join(name));
        for made in [&former, &folder] {
            fs::create_dir(made).unwrap();
        }
        let own = fs::metadata(&folder).unwrap().uid();
        // As above.
        let is_given = own == 0 && chown(&former, Some(4711), Some(4712)).is_ok();
        give_to_owner_of_former(&folder, &fs::metadata(&former).unwrap()).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().uid(), if is_given { 4711 } else { own });
        assert_eq!(fs::metadata(&folder).unwrap().gid(), fs::metadata(&former).unwrap().gid());
    }

    #[test]
    fn what_was_put_in_its_place_is_not_given_away() {
        let site = tempfile::tempdir().unwrap();
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
