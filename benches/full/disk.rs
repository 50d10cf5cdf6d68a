//! What a database takes of the disk, and how the system is made to forget its files.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rustix::fs::{Advice, fadvise, statvfs};

/// Bytes of all files below a folder.
pub(crate) fn bytes(folder: &Path) -> u64 {
    files(folder).iter().map(|file| file.metadata().unwrap().len()).sum()
}

/// Bytes of rows: without logs of what was written and other small files.
pub(crate) fn bytes_of_rows(folder: &Path) -> u64 {
    let is_data = |file: &PathBuf| file.extension().is_some_and(|kind| kind == "sst" || kind == "blob");
    files(folder).iter().filter(|file| is_data(file)).map(|file| file.metadata().unwrap().len()).sum()
}

/// What is free where that folder is.
pub(crate) fn free(folder: &Path) -> u64 {
    let found = statvfs(folder).unwrap();
    found.f_bavail * found.f_frsize
}

/// Has the system forget what it has in memory of these files (`POSIX_FADV_DONTNEED`), while no process has them open.
pub(crate) fn forget(folder: &Path) {
    for path in files(folder) {
        let file = File::open(path).unwrap();
        // What is not on the disk yet cannot be forgotten.
        file.sync_all().unwrap();
        fadvise(&file, 0, None, Advice::DontNeed).unwrap();
    }
}

/// Has the system remember them, as far as its memory goes.
pub(crate) fn remember(folder: &Path) {
    for path in files(folder) {
        io::copy(&mut File::open(path).unwrap(), &mut io::sink()).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}
