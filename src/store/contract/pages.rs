//! Messages come in pages: in order, bounded, never empty while there is something.

use tempfile::TempDir;

use super::{
    Open,
    samples::{entry, group, partition},
};
use crate::{
    sequencer::{BlobKey, Entry, EntryCommit},
    store::{Batch, Page, SharedStore, Snapshot},
};

/// A store with one partition: messages of so many bytes, from index 0.
fn with_messages(open: Open, sizes: &[usize]) -> (TempDir, SharedStore) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let numbered = (0_u32..).zip(sizes);
    let entries = numbered.map(|(index, size)| (group(1), partition(1), index, entry(index.into(), *size))).collect();
    // What stands beside it must not be counted or shown.
    let mut batch = Batch { entries, ..Batch::default() };
    batch.entries.push((group(1), partition(0), 0, entry(0, 1000)));
    batch.entries.push((group(1), partition(2), 0, entry(0, 1000)));
    store.commit(&batch).unwrap();
    (folder, store)
}

fn page(snapshot: &dyn Snapshot, from: u32, bytes: u64) -> (Vec<u32>, bool) {
    let Page { entries, more } = snapshot.messages(&group(1), &partition(1), from, bytes).unwrap();
    (entries.into_iter().map(|(index, _)| index).collect(), more)
}

pub(crate) fn end_before_the_limit(open: Open) {
    let (_folder, store) = with_messages(open, &[10, 10, 10, 10]);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(page(&*snapshot, 0, 40), (vec![0, 1, 2, 3], false));
    assert_eq!(page(&*snapshot, 0, 39), (vec![0, 1, 2], true));
    assert_eq!(page(&*snapshot, 0, 20), (vec![0, 1], true));
    assert_eq!(page(&*snapshot, 0, 19), (vec![0], true));
    assert_eq!(page(&*snapshot, 2, 20), (vec![2, 3], false));
    assert_eq!(page(&*snapshot, 0, u64::MAX), (vec![0, 1, 2, 3], false));
}

pub(crate) fn hold_at_least_one_message(open: Open) {
    let (_folder, store) = with_messages(open, &[10, 1_000_000, 10]);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(page(&*snapshot, 0, 0), (vec![0], true));
    assert_eq!(page(&*snapshot, 1, 100), (vec![1], true));
    assert_eq!(page(&*snapshot, 2, 0), (vec![2], false));
    assert_eq!(page(&*snapshot, 0, 100), (vec![0], true), "a large message is not skipped");
}

pub(crate) fn count_group_infos(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let commit = |length| {
        let group_info = Some((BlobKey([0xb1; 32]), length));
        Entry { commit: Some(EntryCommit { next: partition(9), group_info }), ..entry(1, 10) }
    };
    let entries = vec![
        (group(1), partition(1), 0, commit(90)),
        (group(1), partition(1), 1, commit(90)),
        (group(1), partition(1), 2, commit(u32::MAX)),
    ];
    store.commit(&Batch { entries, ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(page(&*snapshot, 0, 199), (vec![0], true));
    assert_eq!(page(&*snapshot, 0, 200), (vec![0, 1], true));
    assert_eq!(page(&*snapshot, 0, u64::from(u32::MAX)), (vec![0, 1], true));
    assert_eq!(page(&*snapshot, 2, 0), (vec![2], false));
}

pub(crate) fn say_whether_there_is_more(open: Open) {
    let (_folder, store) = with_messages(open, &[10; 300]);
    let snapshot = store.snapshot().unwrap();
    let (mut read, mut from) = (Vec::new(), 0);
    loop {
        let (indexes, more) = page(&*snapshot, from, 70);
        from = indexes.last().unwrap() + 1;
        read.extend(indexes);
        if !more {
            break;
        }
    }
    assert!(read.into_iter().eq(0..300));
    assert_eq!(page(&*snapshot, 300, 70), (vec![], false));
    assert_eq!(page(&*snapshot, u32::MAX, 70), (vec![], false));
}

/// Retention trims from the front and renumbers nothing.
pub(crate) fn begin_at_the_first_message_that_is_there(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for index in [7, 8, u32::MAX] {
        store.commit(&super::samples::append(group(1), partition(1), index)).unwrap();
    }
    let snapshot = store.snapshot().unwrap();
    // Readers count on from the first index: a page ends where the next one does not follow.
    assert_eq!(page(&*snapshot, 0, 100), (vec![7, 8], true));
    assert_eq!(page(&*snapshot, 8, 100), (vec![8], true));
    assert_eq!(page(&*snapshot, 9, 100), (vec![u32::MAX], false));
}
