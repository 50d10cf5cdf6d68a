//! What the engine takes of its machine moves with what is done to it.

use tempfile::TempDir;

use super::open;
use crate::store::{
    Batch, Store,
    contract::samples::{batch, entry, group, partition},
};

/// Of each of so many messages.
const BYTES: usize = 1000;
const MESSAGES: u32 = 500;

#[test]
fn rows_are_counted_in_memory_in_files_and_in_memory_again() {
    let folder = TempDir::new().unwrap();
    let entries = (0..MESSAGES).map(|index| (group(1), partition(1), index, entry(index.into(), BYTES))).collect();
    let all = BYTES as u64 * u64::from(MESSAGES);
    let store = open(folder.path());
    let empty = store.footprint();
    assert!(empty.files < all, "{empty:?}");
    store.commit(&Batch { entries, ..batch(group(1)) }).unwrap();
    let written = store.footprint();
    assert!(written.recent >= empty.recent + all && written.files == empty.files, "{empty:?} {written:?}");
    store.compact().unwrap();
    let compacted = store.footprint();
    assert!(compacted.files >= all && compacted.recent + all / 2 < written.recent, "{written:?} {compacted:?}");
    let page = store.snapshot().unwrap().messages(&group(1), &partition(1), 0, 2 * all).unwrap();
    assert_eq!(page.entries.len(), MESSAGES as usize);
    let read = store.footprint();
    assert!(read.blocks >= compacted.blocks + all / 2, "{compacted:?} {read:?}");
    assert!(!read.is_slowed, "{read:?}");
}
