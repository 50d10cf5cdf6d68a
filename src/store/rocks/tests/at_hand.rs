//! What is at hand: rows in memory are, rows in files are not until somebody has read them.

use tempfile::TempDir;

use super::open;
use crate::store::{
    Batch, Error, Store,
    contract::samples::{batch, entry, group, partition},
};

#[test]
fn rows_in_files_are_at_hand_once_they_were_read() {
    let folder = TempDir::new().unwrap();
    let entries = (0..200).map(|index| (group(1), partition(1), index, entry(index.into(), 1000))).collect();
    let store = open(folder.path());
    store.commit(&Batch { entries, ..batch(group(1)) }).unwrap();
    let look = |store: &super::RocksStore| {
        let snapshot = store.at_hand(1 << 20).unwrap();
        (snapshot.group(&group(1)).map(|found| found.is_some()), snapshot.messages(&group(1), &partition(1), 0, 0))
    };
    assert_eq!(look(&store).0, Ok(true), "just written");
    assert!(look(&store).1.is_ok());
    drop(store);

    // What recovery finds in the log it writes into files.
    let store = open(folder.path());
    assert_eq!(look(&store).1, Err(Error::NotAtHand));
    let snapshot = store.snapshot().unwrap();
    snapshot.group(&group(1)).unwrap();
    snapshot.messages(&group(1), &partition(1), 0, 0).unwrap();
    assert_eq!(look(&store).0, Ok(true));
    assert_eq!(look(&store).1.unwrap().entries.len(), 1);
}
