//! The folder of marks: which files there are, what they say, and that nobody else writes there.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
};

use restante_files::{create_private, make_folder, open_private};
use restante_gateway::ReplayMark;

use super::{
    MarksError, floor,
    segment::{self, HEADER, RECORD},
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
    /// What is on the disk of it.
    floor_ms: u64,
    /// Files of earlier, and when their youngest mark expires.
    pub(super) closed: Vec<(PathBuf, u64)>,
    _lock: File,
}

/// What was there.
#[derive(Debug)]
pub(crate) struct Restored {
    /// Marks of all files that are left, expired ones among them.
    pub(crate) marks: Vec<ReplayMark>,
    /// Requests whose marks would expire by then may have been seen, and their marks are gone.
    pub(crate) floor_ms: u64,
    /// Whether marks may be missing that had not been removed: there was no folder of marks, or something in it is damaged.
    pub(crate) is_incomplete: bool,
}

/// Reads all files. If marks may be missing, `lost_ms` becomes the floor: when the last of them will have expired. That
/// is on the disk when this returns, so that a restart does not make up for it; and damaged files have gone, so that
/// the next start does not take the same loss for another one.
pub(crate) fn restore(path: &Path, lost_ms: u64) -> Result<(Folder, Restored), MarksError> {
    make_folder(path, 0o700)?;
    let lock = open_private(&path.join(LOCK))?;
    lock.try_lock().map_err(|error| match error {
        TryLockError::WouldBlock => MarksError::InUse,
        TryLockError::Error(error) => MarksError::Io(error),
    })?;
    // The floor stays when all files have gone: without it there never was a folder, or not this one.
    let known_floor_ms = floor::read(path)?;
    let floor_ms = known_floor_ms.unwrap_or(0);
    let mut folder = Folder { path: path.to_owned(), next: 0, floor_ms, closed: Vec::new(), _lock: lock };
    let mut restored = Restored { marks: Vec::new(), floor_ms, is_incomplete: known_floor_ms.is_none() };
    let files = files(path)?;
    let mut damaged = Vec::new();
    for (place, (number, file)) in files.iter().enumerate() {
        folder.next = folder.next.max(number + 1);
        let (marks, is_damaged) = open(file, place + 1 == files.len())?;
        restored.marks.extend_from_slice(&marks);
        if is_damaged {
            restored.is_incomplete = true;
            damaged.push((file, marks));
        } else {
            folder.closed.push((file.clone(), last_ms(&marks)));
        }
    }
    if restored.is_incomplete {
        restored.floor_ms = floor_ms.max(lost_ms);
        folder.floor_ms = restored.floor_ms;
        floor::write(path, restored.floor_ms)?;
    }
    for (file, marks) in damaged {
        folder.replace(file, marks)?;
    }
    Ok((folder, restored))
}

/// When the last of them expires.
fn last_ms(marks: &[ReplayMark]) -> u64 {
    marks.iter().map(|mark| mark.expires_ms).max().unwrap_or(0)
}

/// The marks of a file, and whether it is damaged. Only the newest one may have been written when the process ended: its
/// torn end is taken away, so that it is whole when it is no longer the newest.
fn open(file: &Path, is_newest: bool) -> io::Result<(Vec<ReplayMark>, bool)> {
    let mut bytes = Vec::new();
    let length = File::open(file)?.take(BYTES_MAX + 1).read_to_end(&mut bytes)?;
    let read = segment::read(&bytes);
    if read.is_torn && is_newest {
        let file = OpenOptions::new().write(true).open(file)?;
        file.set_len(read.whole as u64)?;
        file.sync_all()?;
    }
    Ok((read.marks, read.is_damaged || (read.is_torn && !is_newest) || length as u64 > BYTES_MAX))
}

impl Folder {
    /// Begins a file. It is there when the folder is synced.
    pub(super) fn begin(&mut self) -> io::Result<(File, PathBuf)> {
        let path = self.path.join(format!("{PREFIX}{:016x}", self.next));
        self.next += 1;
        let mut file = create_private(&path)?;
        file.write_all(HEADER)?;
        file.sync_all()?;
        File::open(&self.path)?.sync_all()?;
        Ok((file, path))
    }

    /// Removes a damaged file. What could be read of it and expires later than the floor, as after a clock that was
    /// ahead, is in another one before.
    fn replace(&mut self, damaged: &Path, mut marks: Vec<ReplayMark>) -> io::Result<()> {
        marks.retain(|mark| mark.expires_ms > self.floor_ms);
        if !marks.is_empty() {
            let (mut file, path) = self.begin()?;
            let last_ms = last_ms(&marks);
            let mut records = Vec::with_capacity(marks.len() * RECORD);
            segment::encode(marks, 0, &mut records);
            file.write_all(&records)?;
            file.sync_all()?;
            self.closed.push((path, last_ms));
        }
        fs::remove_file(damaged)?;
        File::open(&self.path)?.sync_all()
    }

    /// Removes files whose marks have all expired, after it has written down that they are gone. A file that cannot be
    /// removed is tried again.
    ///
    /// # Errors
    /// It cannot be written down, and nothing is removed.
    pub(super) fn remove_expired(&mut self, now_ms: u64) -> io::Result<()> {
        let expired = self.closed.iter().map(|(_, last_ms)| *last_ms).filter(|last_ms| *last_ms <= now_ms);
        if let Some(last_ms) = expired.max().filter(|last_ms| *last_ms > self.floor_ms) {
            floor::write(&self.path, last_ms)?;
            self.floor_ms = last_ms;
        }
        self.closed.retain(|(path, last_ms)| *last_ms > now_ms || fs::remove_file(path).is_err());
        Ok(())
    }
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
