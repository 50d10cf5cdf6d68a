//! What was committed outlives whoever had the store open.

use tempfile::TempDir;

use super::{
    Open,
    samples::{assert_holds, batch, group, partition},
};
use crate::store::Batch;

pub(crate) fn everything_is_still_there(open: Open) {
    let folder = TempDir::new().unwrap();
    let batches = [1, 2, 3].map(|number| batch(group(number)));
    for (opened, rows) in batches.iter().enumerate() {
        let store = open(folder.path());
        for earlier in &batches[..opened] {
            assert_holds(&*store.snapshot().unwrap(), earlier);
        }
        store.commit(rows).unwrap();
    }
    let store = open(folder.path());
    store.commit(&Batch { removed: vec![(group(2), partition(0x10))], ..Batch::default() }).unwrap();
    drop(store);
    let store = open(folder.path());
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &batches[0]);
    assert_holds(&*snapshot, &batches[2]);
    assert_eq!(snapshot.partition(&group(2), &partition(0x10)).unwrap(), None);
    assert_eq!(snapshot.messages(&group(2), &partition(0x10), 0, u64::MAX).unwrap().entries, []);
}

/// Users keep their tags over restarts, and no two databases give a user the same.
pub(crate) fn the_secret_stays_and_differs_from_others(open: Open) {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let secret = *open(folder.path()).user_tag_secret();
    assert_eq!(*open(folder.path()).user_tag_secret(), secret);
    assert_ne!(*open(other.path()).user_tag_secret(), secret);
    assert_ne!(secret, [0; 32]);
}
