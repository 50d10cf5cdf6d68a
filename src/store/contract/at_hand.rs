//! What is at hand is read as it would be read otherwise, or not at all.

use tempfile::TempDir;

use super::{
    Open,
    samples::{append, assert_holds, batch, entry, group, partition},
};
use crate::store::{Batch, Error, SharedStore};

/// So much that no read here ends for its sake.
const ENOUGH: u64 = 1 << 30;

/// A store with one partition of a hundred kilobytes, opened again: an engine that reads files has to.
fn reopened(open: Open) -> (TempDir, SharedStore) {
    let folder = TempDir::new().unwrap();
    let entries = (0..100).map(|index| (group(1), partition(1), index, entry(index.into(), 1000))).collect();
    open(folder.path()).commit(&Batch { entries, ..batch(group(1)) }).unwrap();
    let store = open(folder.path());
    (folder, store)
}

/// A page of which a part is at hand is no page, and a row that was not looked at is not missing.
pub(crate) fn reads_are_whole_or_none(open: Open) {
    let (_folder, store) = reopened(open);
    let full = store.snapshot().unwrap();
    for warm_up in [0, 1, 20_000, u64::MAX] {
        full.messages(&group(1), &partition(1), 0, warm_up).unwrap();
        for (from, bytes) in [(0, 0), (0, 50_000), (0, u64::MAX), (99, u64::MAX), (200, u64::MAX)] {
            let expected = full.messages(&group(1), &partition(1), from, bytes).unwrap();
            let found = store.at_hand(ENOUGH).unwrap().messages(&group(1), &partition(1), from, bytes);
            assert!(found == Err(Error::NotAtHand) || found == Ok(expected), "from {from}");
        }
        for key in [partition(0x10), partition(0x77)] {
            let found = store.at_hand(ENOUGH).unwrap().partition(&group(1), &key);
            assert!(found == Err(Error::NotAtHand) || found == full.partition(&group(1), &key), "{key:?}");
        }
    }
}

/// Nobody reads more than was allowed, over all reads of one snapshot.
pub(crate) fn reads_end_with_their_bytes(open: Open) {
    let (_folder, store) = reopened(open);
    let none = store.at_hand(0).unwrap();
    assert_eq!(none.messages(&group(1), &partition(1), 0, 0), Err(Error::NotAtHand));
    assert_eq!(none.partition(&group(1), &partition(0x10)), Err(Error::NotAtHand));
    assert_eq!(store.at_hand(50_000).unwrap().messages(&group(1), &partition(1), 0, u64::MAX), Err(Error::NotAtHand));
    let little = store.at_hand(10_000).unwrap();
    assert!((0..100).any(|_| little.messages(&group(1), &partition(1), 0, 0) == Err(Error::NotAtHand)));
}

pub(crate) fn a_snapshot_after_a_commit_is_never_behind_it(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    for index in 0..20 {
        store.commit(&append(group(1), partition(1), index)).unwrap();
        match store.at_hand(ENOUGH).unwrap().messages(&group(1), &partition(1), index, 0) {
            Err(Error::NotAtHand) => {}
            found => assert_eq!(found.unwrap().entries.len(), 1),
        }
    }
    let rows = batch(group(2));
    store.commit(&rows).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &rows);
}
