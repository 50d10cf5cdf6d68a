//! The other bounded scans: announcements.

use tempfile::TempDir;

use super::{
    Open,
    samples::{group, partition},
};
use crate::{mls::EpochNumber, store::Batch};

pub(crate) fn of_announcements_find_all_groups_of_a_key(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let announced = [(0, 5), (1, 5), (0xff, 5), (1, 4), (1, 6), (1, 0xff)];
    let announced = announced.map(|(number, key)| (group(number), partition(key))).into();
    store.commit(&Batch { announced, ..Batch::default() }).unwrap();
    // Announced twice is announced once.
    store.commit(&Batch { announced: vec![(group(1), partition(5))], ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    let mut found = snapshot.announced(&partition(5), 10).unwrap();
    found.sort_unstable();
    assert_eq!(found, [group(0), group(1), group(0xff)]);
    assert_eq!(snapshot.announced(&partition(5), 2).unwrap().len(), 2);
    assert_eq!(snapshot.announced(&partition(0xff), 2).unwrap(), [group(1)]);
    assert_eq!(snapshot.announced(&partition(7), 2).unwrap(), []);
}

pub(crate) fn of_heads_find_those_of_an_epoch_and_the_highest(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let head = |group_number, epoch, key| ((group(group_number), EpochNumber(epoch), partition(key)), true);
    // Numbers sort as numbers, and neighbours are other groups.
    let heads = [(1, 0xff, 9), (1, 0x100, 5), (1, 0x100, 6), (1, 7, 0xff), (0, u64::MAX, 1), (2, 0, 2)];
    let heads = heads.map(|(of, epoch, key)| head(of, epoch, key)).into();
    store.commit(&Batch { heads, ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.heads(&group(1), EpochNumber(0x100), 10).unwrap(), [partition(5), partition(6)]);
    assert_eq!(snapshot.heads(&group(1), EpochNumber(0x100), 1).unwrap(), [partition(5)]);
    assert_eq!(snapshot.heads(&group(1), EpochNumber(8), 10).unwrap(), []);
    assert_eq!(snapshot.highest_head(&group(1)).unwrap(), Some(partition(6)));
    assert_eq!(snapshot.highest_head(&group(0)).unwrap(), Some(partition(1)));
    assert_eq!(snapshot.highest_head(&group(2)).unwrap(), Some(partition(2)));
    assert_eq!(snapshot.highest_head(&group(3)).unwrap(), None);
    drop(snapshot);
    let no_more = [((group(1), EpochNumber(0x100), partition(6)), false)].into();
    store.commit(&Batch { heads: no_more, ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.heads(&group(1), EpochNumber(0x100), 10).unwrap(), [partition(5)]);
    assert_eq!(snapshot.highest_head(&group(1)).unwrap(), Some(partition(5)));
}
