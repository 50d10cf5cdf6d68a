//! Marks on a real disk: what was answered for is there, whatever happened since.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use restante_gateway::ReplayMark;
use tempfile::TempDir;

use super::{
    Marks, MarksError, NotWritten, restore,
    segment::{self, BATCH_MAX, HEADER, RECORD, Read},
};

fn mark(number: u64, expires_ms: u64) -> ReplayMark {
    let mut digest = [0; 32];
    digest[..8].copy_from_slice(&number.to_be_bytes());
    ReplayMark { digest, expires_ms }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("marks-")).collect()
}

/// Writes each mark at its time, one after the other, and ends the thread.
async fn write(folder: &Path, marks: &[(u64, ReplayMark)]) {
    let (opened, _) = restore(folder, 0).unwrap();
    let now_ms = Arc::new(AtomicU64::new(0));
    let clock = Arc::clone(&now_ms);
    let (writer, thread) = Marks::start(opened, move || clock.load(Ordering::Relaxed)).unwrap();
    for (time_ms, mark) in marks {
        now_ms.store(*time_ms, Ordering::Relaxed);
        writer.write(*mark).await.unwrap();
    }
    drop(writer);
    thread.join().unwrap();
}

#[tokio::test]
async fn what_was_written_is_restored_until_it_expires() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("replays");
    write(&path, &[(0, mark(1, 240_000)), (10, mark(2, 100_000)), (70_000, mark(3, 310_000))]).await;
    assert_eq!(files(&path).len(), 2, "a file for each minute");
    for (now_ms, expected) in [(0, vec![1, 2, 3]), (100_000, vec![1, 3]), (240_000, vec![3]), (310_000, vec![])] {
        let (_, restored) = restore(&path, now_ms).unwrap();
        let expected: Vec<_> = expected.into_iter().map(|number| mark(number, 0).digest).collect();
        assert_eq!(restored.marks.iter().map(|mark| mark.digest).collect::<Vec<_>>(), expected, "{now_ms}");
        assert!(!restored.is_incomplete);
    }
}

#[tokio::test]
async fn many_at_once_are_all_there() {
    let folder = TempDir::new().unwrap();
    let (opened, _) = restore(folder.path(), 0).unwrap();
    let (marks, thread) = Marks::start(opened, || 0).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..3000 {
        let marks = marks.clone();
        tasks.spawn(async move { marks.write(mark(number, 1_000)).await });
    }
    assert!(tasks.join_all().await.iter().all(Result::is_ok));
    drop(marks);
    thread.join().unwrap();
    assert_eq!(restore(folder.path(), 0).unwrap().1.marks.len(), 3000);
}

#[tokio::test]
async fn files_go_when_their_last_mark_has_expired() {
    let folder = TempDir::new().unwrap();
    let minutes: Vec<_> = (0..30).map(|minute| (minute * 60_000, mark(minute, minute * 60_000 + 240_000))).collect();
    write(folder.path(), &minutes).await;
    assert!((4..=6).contains(&files(folder.path()).len()), "{}", files(folder.path()).len());
}

#[test]
fn one_process_at_a_time() {
    let folder = TempDir::new().unwrap();
    let held = restore(folder.path(), 0).unwrap();
    assert!(matches!(restore(folder.path(), 0), Err(MarksError::InUse)));
    drop(held);
    assert!(restore(folder.path(), 0).is_ok());
}

#[test]
fn a_folder_that_was_not_there_is_told() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("replays");
    assert!(restore(&path, 0).unwrap().1.is_incomplete);
    assert!(!restore(&path, 0).unwrap().1.is_incomplete, "no mark was ever made, and none is missing");
    fs::remove_dir_all(&path).unwrap();
    assert!(restore(&path, 0).unwrap().1.is_incomplete);
}

#[tokio::test]
async fn files_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("replays");
    write(&path, &[(0, mark(1, 1_000))]).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert_eq!(mode(&files(&path)[0]), 0o600);
}

/// A file begun in a folder that is gone cannot be written: from then on nothing is let through.
#[tokio::test]
async fn a_failed_write_poisons() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("replays");
    let (opened, _) = restore(&path, 0).unwrap();
    let (marks, thread) = Marks::start(opened, || 0).unwrap();
    fs::remove_dir_all(&path).unwrap();
    assert!(!marks.is_poisoned());
    assert_eq!(marks.write(mark(1, 1_000)).await, Err(NotWritten));
    assert!(marks.is_poisoned());
    fs::create_dir(&path).unwrap();
    assert_eq!(marks.write(mark(2, 1_000)).await, Err(NotWritten), "and stays so until a restart");
    drop(marks);
    thread.join().unwrap();
}

fn file(count: u64) -> Vec<u8> {
    let records = (0..count).flat_map(|number| segment::encode(&mark(number, 1_000)));
    HEADER.iter().copied().chain(records).collect()
}

#[test]
fn a_torn_end_is_no_damage_and_loses_nothing_before_it() {
    let whole = file(5);
    for length in 0..whole.len() {
        let read = segment::read(&whole[..length]);
        let complete = length.saturating_sub(HEADER.len()) / RECORD;
        assert_eq!((read.marks.len(), read.is_damaged), (complete, false), "{length} bytes");
    }
    let mut zeroed = file(5);
    zeroed.extend(vec![0; RECORD * 3 + 7]);
    assert_eq!((segment::read(&zeroed).marks.len(), segment::read(&zeroed).is_damaged), (5, false));
}

#[test]
fn damage_is_told_and_what_can_be_read_is_kept() {
    let count = BATCH_MAX as u64 + 10;
    let mut altered = file(count);
    altered[HEADER.len() + 3] ^= 1;
    let read = segment::read(&altered);
    assert_eq!((read.marks.len() as u64, read.is_damaged), (count - 1, true));
    for bytes in [&b"restante marks2\nxx"[..], b"x", b"something else entirely"] {
        assert_eq!(segment::read(bytes), Read { marks: Vec::new(), is_damaged: true });
    }
}

#[test]
fn no_bit_of_a_record_can_change_unnoticed() {
    let bytes = file(1);
    for bit in HEADER.len() * 8..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(segment::read(&altered).marks.is_empty(), "bit {bit}");
    }
}

/// The layout of specs/storage.md.
#[test]
fn the_format_stays_as_it_is() {
    let record = segment::encode(&ReplayMark { digest: [0xab; 32], expires_ms: 0x0102_0304_0506_0708 });
    assert_eq!(hex::encode(&record[..40]), format!("{}0102030405060708", "ab".repeat(32)));
    assert_eq!(segment::read(&[HEADER, &record[..]].concat()).marks.len(), 1);
}
