//! The log of all key lists that were served: one line of JSON for each, appended and never changed.
//!
//! `{"n":0,"seen_ms":1700000000000,"sha256":"…","previous":"…"}`: the hash of the list, and of the line before (of
//! nothing: 64 zeros). Whoever kept a line, or heard of one, can tell whether the log they are shown still has it.
//!
//! # Correctness
//! A line is on the disk before the list that it names is served to anybody. So a line that is not whole at the end of
//! the file, left by a crash, names a list that nobody was given, and is taken away. Anything else that is wrong with
//! the file is an error. The file is locked: two relays on one file would fork the chain.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use bytes::Bytes;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A log that has grown to this takes no more lines: at one change in twelve hours that is 100 years.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk.
    #[error("the key log cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// Another process has it.
    #[error("the key log is in use by another relay; give each its own state_path")]
    InUse,
    /// A line that this program did not write there.
    #[error("line {0} of the key log does not follow from the one before; restore the file, or keep it elsewhere")]
    Broken(usize),
    /// No more lines are taken.
    #[error("the key log is full")]
    Full,
    /// A line could be neither written nor taken back: only a restart can tell what is in the file.
    #[error("the key log could not be written before, and takes no more lines until the relay is started again")]
    Poisoned,
}

/// What the last line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) digest: [u8; 32],
    pub(crate) seen_ms: u64,
}

/// An open log.
#[derive(Debug)]
pub struct KeyLog {
    file: File,
    text: Vec<u8>,
    lines: u64,
    last: Option<Seen>,
    last_line: [u8; 32],
    poisoned: bool,
}

impl KeyLog {
    /// Opens a log, or begins one, and checks its chain.
    ///
    /// # Errors
    /// [`LogError`]; the file is not changed then.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let is_new = !path.exists();
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => LogError::InUse,
            TryLockError::Error(error) => LogError::Io(error),
        })?;
        if is_new && let Some(folder) = path.parent() {
            File::open(folder)?.sync_all()?;
        }
        let mut text = Vec::new();
        (&mut file).take(LOG_BYTES_MAX + 1).read_to_end(&mut text)?;
        if text.len() as u64 > LOG_BYTES_MAX {
            return Err(LogError::Full);
        }
        let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let is_torn = whole != text.len();
        text.truncate(whole);
        let mut log = Self { file, text: Vec::new(), lines: 0, last: None, last_line: [0; 32], poisoned: false };
        for (number, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let seen = log.follows(line).ok_or(LogError::Broken(number + 1))?;
            log.push(line, seen);
        }
        if is_torn {
            log.file.set_len(whole as u64)?;
            log.file.sync_data()?;
        }
        log.file.seek(SeekFrom::End(0))?;
        Ok(log)
    }

    /// What the line says, if it is the next one of this log, letter for letter.
    fn follows(&self, line: &[u8]) -> Option<Seen> {
        let fields: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut digest = [0; 32];
        hex::decode_to_slice(fields.get("sha256")?.as_str()?, &mut digest).ok()?;
        let seen = Seen { digest, seen_ms: fields.get("seen_ms")?.as_u64()? };
        (self.line(seen).as_bytes() == line).then_some(seen)
    }

    /// The next line.
    fn line(&self, Seen { digest, seen_ms }: Seen) -> String {
        format!(
            "{{\"n\":{n},\"seen_ms\":{seen_ms},\"sha256\":\"{}\",\"previous\":\"{}\"}}\n",
            hex::encode(digest),
            hex::encode(self.last_line),
            n = self.lines,
        )
    }

    fn push(&mut self, line: &[u8], seen: Seen) {
        self.last_line = Sha256::digest(line.trim_ascii_end()).into();
        self.text.extend_from_slice(line);
        self.lines += 1;
        self.last = Some(seen);
    }

    /// The list that was recorded last.
    pub(crate) fn last(&self) -> Option<Seen> {
        self.last
    }

    /// Everything, as anybody may read it.
    pub fn text(&self) -> Bytes {
        Bytes::copy_from_slice(&self.text)
    }

    /// Appends a line. When this returns without an error it is on the disk.
    ///
    /// # Errors
    /// [`LogError`]: the line is not in the log, and the list must not be served.
    pub(crate) fn append(&mut self, seen: Seen) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let line = self.line(seen);
        let length = self.text.len() as u64;
        if length + line.len() as u64 > LOG_BYTES_MAX {
            return Err(LogError::Full);
        }
        let written = self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Half a line must not stay before the next one. If that fails too, nothing more is written.
            let taken_back = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::End(0)).map(drop));
            self.poisoned = taken_back.and_then(|()| self.file.sync_data()).is_err();
            return Err(error.into());
        }
        self.push(line.as_bytes(), seen);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn seen(number: u8) -> Seen {
        Seen { digest: [number; 32], seen_ms: 1_700_000_000_000 + u64::from(number) }
    }

    fn three_lines(path: &Path) -> Vec<u8> {
        let mut log = KeyLog::open(path).unwrap();
        (1..=3).for_each(|number| log.append(seen(number)).unwrap());
        fs::read(path).unwrap()
    }

    #[test]
    fn lines_are_chained_by_the_hash_of_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let text = String::from_utf8(three_lines(&path)).unwrap();
        let mut previous = "0".repeat(64);
        for (number, line) in text.lines().enumerate() {
            let fields: Value = serde_json::from_str(line).unwrap();
            assert_eq!(fields["n"], number);
            assert_eq!(fields["previous"], previous);
            previous = hex::encode(Sha256::digest(line));
        }
        assert_eq!(text.lines().count(), 3);
    }

    #[test]
    fn a_log_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let before = three_lines(&path);
        let mut log = KeyLog::open(&path).unwrap();
        assert_eq!((log.last(), &log.text()[..]), (Some(seen(3)), &before[..]));
        log.append(seen(4)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), log.text());
        assert!(log.text().starts_with(&before));
    }

    #[test]
    fn a_line_cut_anywhere_by_a_crash_is_taken_away_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let whole = three_lines(&path);
        let two = whole.iter().take(whole.len() - 1).rposition(|byte| *byte == b'\n').unwrap() + 1;
        for length in two..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let mut log = KeyLog::open(&path).unwrap();
            assert_eq!(log.last(), Some(seen(2)));
            assert_eq!(fs::read(&path).unwrap(), whole[..two]);
            log.append(seen(3)).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole);
        }
    }

    #[test]
    fn any_changed_byte_is_noticed_and_the_file_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let whole = three_lines(&path);
        // A changed last line cannot be told from one that was written so: nothing follows it yet. Its form can.
        let two = whole.iter().take(whole.len() - 1).rposition(|byte| *byte == b'\n').unwrap();
        for place in 0..two {
            let mut changed = whole.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).unwrap();
            assert!(matches!(KeyLog::open(&path), Err(LogError::Broken(_))), "{place}");
            assert_eq!(fs::read(&path).unwrap(), changed);
        }
        let line = whole.split_inclusive(|byte| *byte == b'\n').next().unwrap();
        fs::write(&path, [&whole[..], line].concat()).unwrap();
        assert!(matches!(KeyLog::open(&path), Err(LogError::Broken(4))));
    }

    #[test]
    fn two_relays_cannot_have_one_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let first = KeyLog::open(&path).unwrap();
        assert!(matches!(KeyLog::open(&path), Err(LogError::InUse)));
        drop(first);
        KeyLog::open(&path).unwrap();
    }

    #[test]
    fn a_file_without_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        File::create(&path).unwrap().set_len(1 << 40).unwrap();
        assert!(matches!(KeyLog::open(&path), Err(LogError::Full)));
    }
}
