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
use sha2::Digest as _;
use tempfile::TempDir;

use super::{
    Marks, MarksError, NotWritten, restore,
    segment::{self, HEADER, RECORD, Segment},
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
async fn what_was_written_is_restored_as_long_as_its_file_is_there() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("replays");
    write(&path, &[(0, mark(1, 240_000)), (10, mark(2, 100_000)), (70_000, mark(3, 310_000))]).await;
    assert_eq!(files(&path).len(), 2, "a file for each minute");
    let (_, restored) = restore(&path, 0).unwrap();
    let expected = [1, 2, 3].map(|number| mark(number, 0).digest);
    assert_eq!(restored.marks.iter().map(|mark| mark.digest).collect::<Vec<_>>(), expected);
    assert_eq!((restored.floor_ms, restored.is_incomplete), (0, false));
}

/// What is not remembered any more lies below the floor, so that it is refused whatever the clock says then.
#[tokio::test]
async fn every_mark_is_there_or_below_the_floor_whatever_the_clock_did() {
    let folder = TempDir::new().unwrap();
    let mut written = Vec::new();
    for start_ms in [0, 3_600_000, 1_800_000, 60_000] {
        let minutes: Vec<_> = (0..10)
            .map(|minute| {
                let now_ms = start_ms + minute * 60_000;
                (now_ms, mark(now_ms, now_ms + 120_000 + (minute % 3) * 60_000))
            })
            .collect();
        write(folder.path(), &minutes).await;
        written.extend(minutes.into_iter().map(|(_, mark)| mark));
        let (_, restored) = restore(folder.path(), 0).unwrap();
        assert!(!restored.is_incomplete && restored.marks.len() < written.len());
        for mark in &written {
            let is_known = restored.marks.contains(mark) || mark.expires_ms <= restored.floor_ms;
            assert!(is_known, "{} after {start_ms}: {}", mark.expires_ms, restored.floor_ms);
        }
    }
}

#[test]
fn a_floor_that_cannot_be_believed_is_as_good_as_none() {
    let folder = TempDir::new().unwrap();
    drop(restore(folder.path(), 7_000).unwrap());
    let path = folder.path().join("floor");
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut altered = whole.clone();
        altered[place] ^= 1;
        fs::write(&path, altered).unwrap();
        let (_, restored) = restore(folder.path(), 9_000).unwrap();
        assert_eq!((restored.floor_ms, restored.is_incomplete), (9_000, true), "{place}");
        fs::write(&path, &whole[..place]).unwrap();
        assert!(restore(folder.path(), 9_000).unwrap().1.is_incomplete, "{place}");
    }
    fs::write(&path, &whole).unwrap();
    assert_eq!(restore(folder.path(), 9_000).unwrap().1.floor_ms, 7_000);
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
    let (_, restored) = restore(&path, 5_000).unwrap();
    assert_eq!((restored.is_incomplete, restored.floor_ms), (false, 0), "no mark was ever made, and none is missing");
    fs::remove_dir_all(&path).unwrap();
    assert!(restore(&path, 240_000).unwrap().1.is_incomplete);
    assert_eq!(restore(&path, 0).unwrap().1.floor_ms, 240_000, "a restart does not make up for it");
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

/// Whoever owns the folder could otherwise have root write, and give away, a file of somebody else.
#[test]
fn links_in_the_place_of_new_files_are_not_followed() {
    let folder = TempDir::new().unwrap();
    let (path, precious) = (folder.path().join("replays"), folder.path().join("precious"));
    fs::create_dir(&path).unwrap();
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, path.join("floor.new")).unwrap();
    drop(restore(&path, 0).unwrap());
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
    assert!(fs::symlink_metadata(path.join("floor")).unwrap().is_file());
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

/// The thread has a bug. Whoever waits for it is told, and so is the program.
#[tokio::test]
async fn the_end_of_the_thread_is_told() {
    let folder = TempDir::new().unwrap();
    let (opened, _) = restore(folder.path(), 0).unwrap();
    let (marks, thread) = Marks::start(opened, || panic!("a clock that cannot be read")).unwrap();
    assert!(!marks.is_poisoned());
    assert_eq!(marks.write(mark(1, 1_000)).await, Err(NotWritten));
    tokio::time::timeout(std::time::Duration::from_secs(30), marks.ended()).await.unwrap();
    assert!(marks.is_poisoned() && thread.join().is_err());
    assert_eq!(marks.write(mark(2, 1_000)).await, Err(NotWritten));
}

/// A file of batches of so many.
fn file(batches: &[u64]) -> Vec<u8> {
    let (mut bytes, mut place) = (HEADER.to_vec(), 0);
    for count in batches {
        let mut records = Vec::new();
        segment::encode(
            (place..place + count).map(|number| mark(number, 1_000)),
            place.try_into().unwrap(),
            &mut records,
        );
        bytes.extend(records);
        place += count;
    }
    bytes
}

#[test]
fn a_torn_end_is_no_damage_and_loses_nothing_before_it() {
    let whole = file(&[1, 2, 2]);
    for length in 0..whole.len() {
        let read = segment::read(&whole[..length]);
        let complete = length.saturating_sub(HEADER.len()) / RECORD;
        assert_eq!((read.marks.len(), read.is_damaged), (complete, false), "{length} bytes");
        let ends_well = length == 0 || (length >= HEADER.len() && (length - HEADER.len()).is_multiple_of(RECORD));
        assert_eq!(read.is_torn, !ends_well, "{length} bytes");
    }
    // The system writes the parts of a batch in any order.
    for broken in 3..5 {
        let mut torn = whole.clone();
        torn[HEADER.len() + broken * RECORD + 3] ^= 1;
        let read = segment::read(&torn);
        assert_eq!((read.marks.len(), read.is_torn, read.is_damaged), (4, true, false), "{broken}");
        assert_eq!(read.whole, HEADER.len() + broken * RECORD);
    }
    let mut zeroed = file(&[5]);
    zeroed.extend(vec![0; RECORD * 3 + 7]);
    assert_eq!((segment::read(&zeroed).marks.len(), segment::read(&zeroed).is_damaged), (5, false));
}

#[test]
fn damage_is_told_wherever_something_whole_follows_and_what_can_be_read_is_kept() {
    let whole = file(&[1, 2, 2]);
    for broken in 0..3 {
        let mut altered = whole.clone();
        altered[HEADER.len() + broken * RECORD + 3] ^= 1;
        let read = segment::read(&altered);
        assert_eq!((read.marks.len(), read.is_torn, read.is_damaged), (4, false, true), "{broken}");
    }
    for bytes in [&b"restante marks1\nxx"[..], b"x", b"something else entirely"] {
        assert_eq!(segment::read(bytes), Segment { is_damaged: true, ..Segment::default() });
    }
}

#[tokio::test]
async fn a_torn_file_is_mended_once_and_damage_raises_the_floor() {
    let folder = TempDir::new().unwrap();
    write(folder.path(), &[(0, mark(1, 240_000)), (0, mark(2, 240_000)), (70_000, mark(3, 310_000))]).await;
    let (older, newer) = (folder.path().join("marks-0000000000000000"), folder.path().join("marks-0000000000000001"));
    let (whole_older, whole_newer) = (fs::read(&older).unwrap(), fs::read(&newer).unwrap());
    let told = |lost_ms| {
        let (_, restored) = restore(folder.path(), lost_ms).unwrap();
        (restored.marks.len(), restored.floor_ms, restored.is_incomplete)
    };
    fs::write(&newer, [&whole_newer[..], &[7; 30]].concat()).unwrap();
    assert_eq!(told(500_000), (3, 0, false));
    assert_eq!(fs::read(&newer).unwrap(), whole_newer, "its end is taken away");
    // An older file was whole when the newer one was begun.
    fs::write(&older, &whole_older[..whole_older.len() - 1]).unwrap();
    assert_eq!(told(500_000), (2, 500_000, true));
    fs::write(&older, &whole_older).unwrap();
    assert_eq!(told(600_000), (3, 500_000, false), "what was lost once stays below the floor");
    let mut altered = whole_older;
    altered[HEADER.len()] ^= 1;
    fs::write(&older, altered).unwrap();
    assert_eq!(told(600_000), (2, 600_000, true));
}

/// The same damage costs its time once, however often the process starts meanwhile.
#[tokio::test]
async fn damage_is_told_once_and_what_could_be_read_outlives_its_file() {
    let folder = TempDir::new().unwrap();
    // The second one was dated by a clock that was ahead.
    write(folder.path(), &[(0, mark(1, 240_000)), (0, mark(2, 900_000)), (0, mark(3, 240_000))]).await;
    let damaged = files(folder.path());
    let mut bytes = fs::read(&damaged[0]).unwrap();
    bytes[HEADER.len()] ^= 1;
    fs::write(&damaged[0], bytes).unwrap();
    let (_, restored) = restore(folder.path(), 500_000).unwrap();
    assert_eq!((restored.marks.len(), restored.floor_ms, restored.is_incomplete), (2, 500_000, true));
    assert!(!damaged[0].exists());
    for lost_ms in [600_000, 700_000] {
        let (_, restored) = restore(folder.path(), lost_ms).unwrap();
        assert_eq!((restored.marks, restored.floor_ms), (vec![mark(2, 900_000)], 500_000));
        assert!(!restored.is_incomplete);
    }
}

#[test]
fn no_bit_of_a_record_can_change_unnoticed() {
    let bytes = file(&[1]);
    for bit in HEADER.len() * 8..bytes.len() * 8 {
        let mut altered = bytes.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(segment::read(&altered).marks.is_empty(), "bit {bit}");
    }
}

/// The layout of specs/storage.md.
#[test]
fn the_format_stays_as_it_is() {
    let mut records = Vec::new();
    let mark = ReplayMark { digest: [0xab; 32], expires_ms: 0x0102_0304_0506_0708 };
    segment::encode([mark, mark], 0, &mut records);
    assert_eq!(hex::encode(&records[..44]), format!("{}010203040506070800000000", "ab".repeat(32)));
    assert_eq!(hex::encode(&records[44..48]), hex::encode(&sha2::Sha256::digest(&records[..44])[..4]));
    assert_eq!(segment::read(&[HEADER, &records[..]].concat()).marks, [mark, mark]);
    let folder = TempDir::new().unwrap();
    drop(restore(folder.path(), 0x0102_0304_0506_0708).unwrap());
    let floor = fs::read(folder.path().join("floor")).unwrap();
    assert_eq!(floor[..24], [&b"restante floor1\n"[..], &0x0102_0304_0506_0708_u64.to_be_bytes()].concat());
    assert_eq!(floor[24..], sha2::Sha256::digest(0x0102_0304_0506_0708_u64.to_be_bytes())[..4]);
}
