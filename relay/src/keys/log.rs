//! The log of all key lists that were served, and of those that were refused because they came too soon: one line of
//! JSON for each, appended and never changed.
//!
//! `{"n":0,"seen_ms":1700000000000,"sha256":"…","previous":"…"}`: the hash of the list, and of the line before (of
//! nothing: 64 zeros). Whoever kept a line, or heard of one, can tell whether the log they are shown still has it. A list
//! that was refused has `"refused":"too_soon"` before `previous`: that a gateway showed it is evidence against the gateway.
//! A line of the list before once more means that the clock was put right: see [`KeyLog::settle_clock`].
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

use super::chain::{Chain, Seen, Verdict};

/// A log that has grown to this takes no more lines: at one change in twelve hours that is 100 years.
const LOG_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// So many lists are recorded as refused between two that are served: a gateway that gives another one each time is found
/// out by the first. They fill half of the log at most, but for the first of each.
const REFUSED_MAX: usize = 8;
const REFUSED_BYTES_MAX: u64 = LOG_BYTES_MAX / 2;

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

/// An open log.
#[derive(Debug)]
pub struct KeyLog {
    file: File,
    chain: Chain,
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
        let (chain, is_torn) = read(&mut file)?;
        if is_torn {
            file.set_len(chain.text.len() as u64)?;
            file.sync_data()?;
        }
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, chain, poisoned: false })
    }

    /// Says what [`Self::open`] would say about a log, changes nothing, and does not mind who has it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn check(path: &Path) -> Result<(), LogError> {
        match OpenOptions::new().read(true).write(true).open(path) {
            Ok(mut file) => read(&mut file).map(drop),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The hash of the list that was served last.
    pub(crate) fn served(&self) -> Option<[u8; 32]> {
        self.chain.served.as_ref().map(|served| served.digest)
    }

    /// When the list that was served last was first seen. `None` when there is none, or when all of its lines are further
    /// ahead of `now_ms` than `tolerance_ms`.
    pub(crate) fn served_since_ms(&self, now_ms: u64, tolerance_ms: u64) -> Option<u64> {
        let times = self.chain.served.iter().flat_map(|served| served.seen_ms.iter().copied());
        times.filter(|seen_ms| *seen_ms <= now_ms.saturating_add(tolerance_ms)).max()
    }

    /// Everything, as anybody may read it.
    pub fn text(&self) -> Bytes {
        Bytes::copy_from_slice(&self.chain.text)
    }

    /// Records that a list is served. When this returns without an error it is on the disk.
    ///
    /// # Errors
    /// [`LogError`]: the line is not in the log, and the list must not be served.
    pub(crate) fn record_served(&mut self, digest: [u8; 32], seen_ms: u64) -> Result<(), LogError> {
        self.append(Seen { digest, seen_ms, verdict: Verdict::Served })
    }

    /// Records that a list was refused, once, unless there are so many already. Says whether there is a new line.
    ///
    /// # Errors
    /// The disk.
    pub(crate) fn record_refused(&mut self, digest: [u8; 32], seen_ms: u64) -> Result<bool, LogError> {
        let Some(served) = &self.chain.served else { return Ok(false) };
        let known = &served.refused;
        let is_full = self.chain.text.len() as u64 >= REFUSED_BYTES_MAX;
        if known.contains(&digest) || known.len() >= REFUSED_MAX || (is_full && !known.is_empty()) {
            return Ok(false);
        }
        self.append(Seen { digest, seen_ms, verdict: Verdict::TooSoon }).map(|()| true)
    }

    /// Puts the time of the list that was served last right, if the log has it further ahead than `tolerance_ms`: the clock
    /// was wrong then or is wrong now, and in either case the list has been served at this moment. Without that line no
    /// other list would ever be old enough to follow. Says whether there is one.
    ///
    /// # Errors
    /// The line is not in the log.
    pub(crate) fn settle_clock(&mut self, now_ms: u64, tolerance_ms: u64) -> Result<bool, LogError> {
        match self.served() {
            Some(digest) if self.served_since_ms(now_ms, tolerance_ms).is_none() => {
                self.record_served(digest, now_ms).map(|()| true)
            }
            _ => Ok(false),
        }
    }

    fn append(&mut self, seen: Seen) -> Result<(), LogError> {
        if self.poisoned {
            return Err(LogError::Poisoned);
        }
        let line = self.chain.line(seen);
        let length = self.chain.text.len() as u64;
        if length + line.len() as u64 > LOG_BYTES_MAX {
            return Err(LogError::Full);
        }
        let written = self.file.write_all(line.as_bytes());
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::KeyLogBeforeSync);
        let written = written.and_then(|()| self.file.sync_data());
        #[cfg(feature = "faults")]
        restante_faults::pass(restante_faults::Point::KeyLogAfterSync);
        if let Err(error) = written {
            // Half a line must not stay before the next one. If that fails too, nothing more is written.
            let taken_back = self.file.set_len(length).and_then(|()| self.file.seek(SeekFrom::End(0)).map(drop));
            self.poisoned = taken_back.and_then(|()| self.file.sync_data()).is_err();
            return Err(error.into());
        }
        self.chain.push(line.as_bytes(), seen);
        Ok(())
    }
}

/// Reads a file and checks its chain. Says as well whether a line at its end is not whole.
fn read(file: &mut File) -> Result<(Chain, bool), LogError> {
    let mut text = Vec::new();
    file.take(LOG_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LOG_BYTES_MAX {
        return Err(LogError::Full);
    }
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
    Ok((Chain::read(&text[..whole]).map_err(LogError::Broken)?, whole != text.len()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::Value;
    use sha2::{Digest, Sha256};

    use super::*;

    const START_MS: u64 = 1_700_000_000_000;
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    fn record(log: &mut KeyLog, number: u8) {
        log.record_served([number; 32], START_MS + u64::from(number)).unwrap();
    }

    fn three_lines(path: &Path) -> Vec<u8> {
        let mut log = KeyLog::open(path).unwrap();
        (1..=3).for_each(|number| record(&mut log, number));
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
        assert_eq!((log.served(), &log.text()[..]), (Some([3; 32]), &before[..]));
        record(&mut log, 4);
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
            KeyLog::check(&path).unwrap();
            assert_eq!(fs::read(&path).unwrap(), whole[..length], "looking changes nothing");
            let mut log = KeyLog::open(&path).unwrap();
            assert_eq!(log.served(), Some([2; 32]));
            assert_eq!(fs::read(&path).unwrap(), whole[..two]);
            record(&mut log, 3);
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
            assert!(matches!(KeyLog::check(&path), Err(LogError::Broken(_))), "{place}");
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
        KeyLog::check(&path).unwrap();
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

    #[test]
    fn refused_lists_stand_in_the_chain_and_do_not_become_the_last_that_was_served() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = KeyLog::open(&path).unwrap();
        assert!(!log.record_refused([9; 32], START_MS).unwrap(), "nothing is too soon after nothing");
        record(&mut log, 1);
        assert!(log.record_refused([2; 32], START_MS + 5).unwrap());
        assert!(!log.record_refused([2; 32], START_MS + 6).unwrap(), "once");
        drop(log);
        let mut log = KeyLog::open(&path).unwrap();
        assert_eq!((log.served(), log.served_since_ms(START_MS + 9, 0)), (Some([1; 32]), Some(START_MS + 1)));
        assert!(!log.record_refused([2; 32], START_MS + 7).unwrap(), "not after a restart either");
        record(&mut log, 2);
        let text = String::from_utf8(log.text().to_vec()).unwrap();
        let fields: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<_> = fields.iter().map(|fields| (fields["n"].as_u64(), fields["refused"].as_str())).collect();
        assert_eq!(told, [(Some(0), None), (Some(1), Some("too_soon")), (Some(2), None)]);
        assert_eq!(fields[2]["previous"], hex::encode(Sha256::digest(text.lines().nth(1).unwrap())));
        // What was refused cannot be turned into what was served without breaking the chain, nor the other way round.
        drop(log);
        fs::write(&path, text.replace(",\"refused\":\"too_soon\"", "")).unwrap();
        assert!(matches!(KeyLog::open(&path), Err(LogError::Broken(3))));
        let refused_first = text.lines().nth(1).unwrap().replace("\"n\":1", "\"n\":0");
        fs::write(&path, format!("{refused_first}\n")).unwrap();
        assert!(matches!(KeyLog::open(&path), Err(LogError::Broken(1))));
    }

    #[test]
    fn a_flood_of_lists_adds_few_lines_and_always_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = KeyLog::open(&path).unwrap();
        for served in 1..=3 {
            record(&mut log, served);
            let recorded = (100..200).filter(|number| log.record_refused([*number; 32], START_MS).unwrap()).count();
            assert_eq!(recorded, REFUSED_MAX);
        }
        // Half of the log is full, as after decades.
        log.chain.text.resize(usize::try_from(REFUSED_BYTES_MAX).unwrap(), b' ');
        record(&mut log, 4);
        let recorded = (100..200).filter(|number| log.record_refused([*number; 32], START_MS).unwrap()).count();
        assert_eq!(recorded, 1);
    }

    #[test]
    fn a_time_that_lies_far_ahead_is_put_right_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut log = KeyLog::open(&path).unwrap();
        let (now, tolerance) = (START_MS, DAY_MS);
        assert!(!log.settle_clock(now, tolerance).unwrap());
        log.record_served([1; 32], now + 100 * DAY_MS).unwrap();
        assert_eq!(log.served_since_ms(now, tolerance), None);
        assert!(log.settle_clock(now, tolerance).unwrap());
        assert!(!log.settle_clock(now, tolerance).unwrap());
        drop(log);
        let mut log = KeyLog::open(&path).unwrap();
        assert_eq!((log.served(), log.served_since_ms(now, tolerance)), (Some([1; 32]), Some(now)));
        assert!(!log.settle_clock(now - DAY_MS, tolerance).unwrap(), "a day ahead is waited for");
        // When the clock gets there in the end, the list is as young as its latest line.
        assert_eq!(log.served_since_ms(now + 100 * DAY_MS, tolerance), Some(now + 100 * DAY_MS));
    }
}
