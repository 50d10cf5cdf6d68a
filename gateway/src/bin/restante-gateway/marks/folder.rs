//! The folder of marks: which files there are, what they say, and that nobody else writes there.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use restante_gateway::ReplayMark;

use super::{
    MarksError,
    segment::{self, HEADER},
};

const PREFIX: &str = "marks-";
const LOCK: &str = "lock";

/// No file is larger: a minute at a hundred thousand requests a second.
const BYTES_MAX: u64 = 512 * 1024 * 1024;

/// The folder, held for this process alone.
pub(crate) struct Folder {
    path: PathBuf,
    /// Of the next file.
    next: u64,
    /// Files of earlier, and when their youngest mark expires.
    pub(super) closed: Vec<(PathBuf, u64)>,
    _lock: File,
}

/// What was there.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Marks that have not expired.
    pub(crate) marks: Vec<ReplayMark>,
    /// Whether some may be missing: there was no folder of marks, or something in it is damaged.
    pub(crate) is_incomplete: bool,
}

/// Reads all files; those whose marks have expired are removed.
pub(crate) fn restore(path: &Path, now_ms: u64) -> Result<(Folder, Restored), MarksError> {
    make(path)?;
    // The lock stays when all files have gone: without it there never was a folder, or not this one.
    let is_new = !path.join(LOCK).try_exists()?;
    let lock = private(OpenOptions::new().create(true).truncate(false)).open(path.join(LOCK))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => MarksError::InUse,
        TryLockError::Error(error) => MarksError::Io(error),
    })?;
    let mut folder = Folder { path: path.to_owned(), next: 0, closed: Vec::new(), _lock: lock };
    let mut restored = Restored { marks: Vec::new(), is_incomplete: is_new };
    for (number, file) in files(path)? {
        folder.next = folder.next.max(number + 1);
        let mut bytes = Vec::new();
        File::open(&file)?.take(BYTES_MAX).read_to_end(&mut bytes)?;
        let read = segment::read(&bytes);
        restored.is_incomplete |= read.is_damaged;
        let last_ms = read.marks.iter().map(|mark| mark.expires_ms).max().unwrap_or(0);
        restored.marks.extend(read.marks.into_iter().filter(|mark| mark.expires_ms > now_ms));
        folder.closed.push((file, last_ms));
    }
    Ok((folder, restored))
}

impl Folder {
    /// Begins a file. It is there when the folder is synced.
    pub(super) fn begin(&mut self) -> io::Result<(File, PathBuf)> {
        let path = self.path.join(format!("{PREFIX}{:016x}", self.next));
        self.next += 1;
        let mut file = private(OpenOptions::new().create_new(true)).open(&path)?;
        file.write_all(HEADER)?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()?;
        Ok((file, path))
    }

    /// Removes files whose marks have all expired. One that cannot be removed is tried again.
    pub(super) fn remove_expired(&mut self, now_ms: u64) {
        self.closed.retain(|(path, last_ms)| *last_ms > now_ms || fs::remove_file(path).is_err());
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    std::os::unix::fs::OpenOptionsExt::mode(options.write(true), 0o600)
}

/// Files of marks, by number.
fn files(path: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(PREFIX)).filter(|digits| digits.len() == 16);
        if let Some(number) = number.and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
            files.push((number, entry.path()));
        }
    }
    files.sort_unstable();
    Ok(files)
}
