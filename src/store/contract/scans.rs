//! The other bounded scans: announcements, heads, groups and partitions by the beginnings of their keys.

use std::sync::Arc;

use tempfile::TempDir;

use super::{
    Open,
    samples::{group, group_record, partition},
};
use crate::{
    mls::EpochNumber,
    sequencer::{GroupKey, Partition},
    store::Batch,
    wire::MaskedPartitionKey,
};

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

pub(crate) fn of_forked_groups_are_paged_in_order(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(&Batch { forked: vec![group(7), group(0xff), group(1)], ..Batch::default() }).unwrap();
    // Shown again is shown.
    store.commit(&Batch { forked: vec![group(7)], ..Batch::default() }).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.forked(None, 10).unwrap(), [group(1), group(7), group(0xff)]);
    assert_eq!(snapshot.forked(None, 2).unwrap(), [group(1), group(7)]);
    assert_eq!(snapshot.forked(Some(&group(1)), 1).unwrap(), [group(7)]);
    assert_eq!(snapshot.forked(Some(&group(0xff)), 1).unwrap(), []);
}

pub(crate) fn of_names_find_what_begins_so(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut alike = [1; 32];
    alike[31] = 2;
    let (alike_group, alike_partition) = (GroupKey::new(alike), MaskedPartitionKey::new(alike));
    let mut batch = Batch::default();
    for key in [group(0), group(1), alike_group, group(0xff)] {
        batch.groups.insert(key, Arc::new(group_record()));
        for partition in [partition(0), partition(1), alike_partition, partition(0xff)] {
            batch.partitions.insert((key, partition), Arc::new(Partition::new(1, None, None)));
        }
    }
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    let groups = |prefix: &[u8], limit| -> Vec<_> {
        snapshot
            .groups(prefix, limit)
            .unwrap()
            .into_iter()
            .map(|(key, record)| (key, record == group_record()))
            .collect()
    };
    assert_eq!(groups(&[1; 8], 10), [(group(1), true), (alike_group, true)]);
    assert_eq!(groups(&[1; 32], 10), [(group(1), true)]);
    assert_eq!(groups(&[0xff; 8], 10), [(group(0xff), true)]);
    assert_eq!(groups(&[], 3).len(), 3);
    assert_eq!(groups(&[2; 8], 10), []);
    let partitions = |prefix: &[u8], after: Option<&MaskedPartitionKey>, limit| -> Vec<_> {
        let found = snapshot.partitions(&group(1), prefix, after, limit).unwrap();
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(partitions(&[1; 8], None, 10), [partition(1), alike_partition]);
    assert_eq!(partitions(&[], None, 10), [partition(0), partition(1), alike_partition, partition(0xff)]);
    assert_eq!(partitions(&[], Some(&partition(1)), 1), [alike_partition]);
    assert_eq!(partitions(&[], Some(&partition(0xff)), 1), []);
    assert_eq!(partitions(&[0xff; 32], None, 1), [partition(0xff)]);
}
