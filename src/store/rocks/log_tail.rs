//! The ends of RocksDB's logs, after the power was cut in the middle of a write: of the log of recent writes, and of that of
//! changes to the list of files (the manifest).
//!
//! RocksDB takes a log for whole that ends too soon, and refuses one whose last record has other bytes than were written.
//! File systems leave both: the length of a file can be on the disk before what was appended to it, and then there are
//! zeros where it was to be. Nobody went on from that write: each write is synced before the next begins, and before files
//! go that a change makes needless. So nothing that was acknowledged stands in the last record of the newest log, or hangs
//! on that of the manifest, if that record is not whole.
//!
//! # Correctness
//! Everything else is damage and stays as it is: a record that is not whole and has another one behind it, and one that is
//! wrong without a hole in it. A change to the list of files may be two records with one sync: where the hole is in the first
//! and the second is whole, it is taken for damage as well. What RocksDB writes into a manifest at a start is synced before
//! that manifest is the one; if a part of that were taken away, RocksDB would find no end of it, and refuse to open.
//!
//! The format: <https://github.com/facebook/rocksdb/wiki/Write-Ahead-Log-File-Format>.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// Records are cut where a block of the log ends.
const BLOCK: usize = 32 * 1024;
/// Checksum, length, type.
const HEADER: usize = 7;
/// What a disk writes whole or not at all.
const SECTOR: usize = 512;
/// So few zeros may be what was written.
const ZEROS_MIN: usize = 8;
/// No log is longer by far: they are closed when the tables in memory are full, and manifests are begun anew at about that.
const LOG_BYTES_MAX: u64 = 1 << 30;

const FULL: u8 = 1;
const FIRST: u8 = 2;
const MIDDLE: u8 = 3;
const LAST: u8 = 4;

/// The place where a log ends in a write that was cut off.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct CutOff {
    log: PathBuf,
    /// Where the record begins.
    at: usize,
    /// So many bytes are there of it, some of them zeros.
    bytes: usize,
}

impl CutOff {
    /// Looks at the newest log and the manifest in the folder of a database.
    pub(super) fn find(folder: &Path) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        for log in [newest_log(folder)?, manifest(folder)?].into_iter().flatten() {
            if log.metadata()?.len() > LOG_BYTES_MAX {
                continue;
            }
            let bytes = fs::read(&log)?;
            found.extend(hole(&bytes).map(|at| Self { log, at, bytes: bytes.len() - at }));
        }
        Ok(found)
    }

    /// Takes the write away.
    pub(super) fn take_away(self) -> io::Result<()> {
        let file = File::options().write(true).open(&self.log)?;
        file.set_len(self.at as u64)?;
        file.sync_all()?;
        let log = self.log.file_name().unwrap_or_default().display();
        tracing::warn!(%log, bytes = self.bytes, "the last write was cut off, and nobody was told of it: it is taken away");
        Ok(())
    }
}

fn newest_log(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if let (Some(number), Some("log")) = (number, path.extension().and_then(|end| end.to_str())) {
            newest = newest.max(Some((number, path)));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// The manifest that the database goes on from.
fn manifest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let name = fs::read_to_string(folder.join("CURRENT"))?;
    let number = name.trim_end().strip_prefix("MANIFEST-").filter(|number| number.parse::<u64>().is_ok());
    Ok(number.map(|number| folder.join(format!("MANIFEST-{number}"))))
}

/// A piece of a record, as far as its header says.
struct Fragment {
    kind: u8,
    end: usize,
    is_whole: bool,
}

/// What stands at a place, if it can be a piece of a record.
fn fragment(log: &[u8], at: usize) -> Option<Fragment> {
    let header: &[u8; HEADER] = log.get(at..)?.first_chunk()?;
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let end = at + HEADER + usize::from(u16::from_le_bytes([l0, l1]));
    let covered = log.get(at + HEADER - 1..end)?;
    let is_whole =
        (FULL..=LAST).contains(&kind) && masked(crc32c::crc32c(covered)) == u32::from_le_bytes([c0, c1, c2, c3]);
    Some(Fragment { kind, end, is_whole })
}

/// As RocksDB writes checksums down.
fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// Where the last record begins, if it is not whole, has a hole, and nothing stands behind it.
fn hole(log: &[u8]) -> Option<usize> {
    let (mut at, mut record, mut is_first) = (0, 0, true);
    let damaged = loop {
        at = past_padding(at);
        // One that ends too soon needs nothing: RocksDB knows what that is.
        let found = fragment(log, at)?;
        if is_first {
            record = at;
        }
        if !found.is_whole {
            break found;
        }
        is_first = matches!(found.kind, FULL | LAST);
        at = found.end;
    };
    let begins =
        |at: usize| fragment(log, at).is_some_and(|behind| behind.is_whole && matches!(behind.kind, FULL | FIRST));
    if (behind(log, at, damaged)..log.len()).any(begins) {
        return None;
    }
    has_hole(log, at).then_some(record)
}

/// What is behind a record begins here or later. Inside of its pieces is what somebody sent, which may look like a record:
/// as far as their headers stand, they are passed over whole.
fn behind(log: &[u8], at: usize, damaged: Fragment) -> usize {
    let (mut from, mut piece) = (at + 1, damaged);
    while (FULL..=LAST).contains(&piece.kind) {
        from = past_padding(piece.end);
        match fragment(log, from) {
            Some(next) if matches!(piece.kind, FIRST | MIDDLE) && matches!(next.kind, MIDDLE | LAST) => piece = next,
            _ => break,
        }
    }
    from
}

/// The end of a block that is too short for a header is left empty.
fn past_padding(at: usize) -> usize {
    let left = BLOCK - at % BLOCK;
    if left < HEADER { at + left } else { at }
}

/// Whether a whole sector from that place on holds zeros.
fn has_hole(log: &[u8], from: usize) -> bool {
    let mut start = from;
    while start < log.len() {
        let end = (start / SECTOR + 1) * SECTOR;
        let sector = &log[start..end.min(log.len())];
        if sector.len() >= ZEROS_MIN && sector.iter().all(|byte| *byte == 0) {
            return true;
        }
        start = end;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records of these lengths, each byte of them as given, in pieces as RocksDB cuts them.
    fn log(records: &[(usize, u8)]) -> Vec<u8> {
        let mut log = Vec::new();
        for (length, byte) in records {
            let record = vec![*byte; *length];
            let (mut rest, mut is_first) = (&record[..], true);
            loop {
                let left = BLOCK - log.len() % BLOCK;
                if left < HEADER {
                    log.resize(log.len() + left, 0);
                    continue;
                }
                let (piece, behind) = rest.split_at(rest.len().min(left - HEADER));
                let kind = match (is_first, behind.is_empty()) {
                    (true, true) => FULL,
                    (true, false) => FIRST,
                    (false, false) => MIDDLE,
                    (false, true) => LAST,
                };
                let covered = [&[kind], piece].concat();
                log.extend(masked(crc32c::crc32c(&covered)).to_le_bytes());
                log.extend(u16::try_from(piece.len()).unwrap().to_le_bytes());
                log.extend(covered);
                (rest, is_first) = (behind, false);
                if rest.is_empty() {
                    break;
                }
            }
        }
        log
    }

    fn with_zeros(mut log: Vec<u8>, from: usize, until: usize) -> Vec<u8> {
        log[from..until].fill(0);
        log
    }

    #[test]
    fn what_is_whole_stays() {
        assert_eq!(hole(&log(&[(100, 1), (70_000, 2), (0, 0), (32_754, 3), (5, 4)])), None);
        assert_eq!(hole(&[]), None);
    }

    #[test]
    fn a_hole_in_the_last_record_is_where_it_was_cut_off() {
        let whole = log(&[(600, 1), (3000, 2)]);
        assert_eq!(hole(&with_zeros(whole.clone(), 1024, whole.len())), Some(607), "nothing but its beginning");
        assert_eq!(hole(&with_zeros(whole.clone(), 1024, 1536)), Some(607), "in the middle");
        assert_eq!(hole(&with_zeros(whole.clone(), 607, 1024)), Some(607), "at its beginning");
        let long = log(&[(600, 1), (100_000, 2)]);
        assert_eq!(hole(&with_zeros(long.clone(), 66_048, 66_560)), Some(607), "in a later piece");
    }

    /// Whoever sends a message decides about its bytes, and needs no secret for a record of a log.
    #[test]
    fn what_was_sent_is_not_taken_for_a_record() {
        let sent = log(&[(40, 9)]);
        let with_it = |mut log: Vec<u8>, at: usize| {
            log[at..at + sent.len()].copy_from_slice(&sent);
            log
        };
        let whole = with_it(log(&[(600, 1), (3000, 2)]), 2000);
        assert_eq!(hole(&with_zeros(whole, 1024, 1536)), Some(607), "in the damaged piece");
        let long = with_it(log(&[(600, 1), (100_000, 2)]), 70_000);
        assert_eq!(hole(&with_zeros(long.clone(), 1024, 1536)), Some(607), "in a later piece");
        assert_eq!(hole(&with_zeros(long, 65_536, 66_048)), None, "nobody knows what stands behind a lost header");
        let written_behind = with_it(log(&[(600, 1), (100_000, 2), (5, 3)]), 70_000);
        assert_eq!(hole(&with_zeros(written_behind, 1024, 1536)), None, "but there is another record");
    }

    #[test]
    fn damage_is_not_a_cut() {
        let whole = log(&[(600, 1), (3000, 2), (700, 3)]);
        assert_eq!(hole(&with_zeros(whole.clone(), 1024, 1536)), None, "another record was written behind it");
        for at in (607 + HEADER..607 + 3000).step_by(97) {
            let mut flipped = log(&[(600, 1), (3000, 2)]);
            flipped[at] ^= 1;
            assert_eq!(hole(&flipped), None, "a flipped bit leaves no hole");
        }
    }
}
