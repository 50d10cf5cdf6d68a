//! A removed partition is gone with everything in it, and nothing else is.

use std::sync::Arc;

use tempfile::TempDir;

use super::{
    Open,
    samples::{assert_holds, entry, group, partition, repeat_key, tag},
};
use crate::{
    sequencer::{GroupKey, Outcome, Partition, Receipt, Transition},
    store::{Batch, Page, Presentation, Snapshot},
    wire::MaskedPartitionKey,
};

/// A partition with rows of every kind that belongs to it.
fn rows(group: GroupKey, key: MaskedPartitionKey) -> Batch {
    let mut batch = Batch::default();
    batch.partitions.insert((group, key), Arc::new(Partition::new(1, None, None)));
    let receipt = Receipt { accepted_ms: 1, index: 0, commits_before: 0 };
    for number in [0, 1, 0xff] {
        batch.entries.push((group, key, u32::from(number) << 24, entry(1, 10)));
        batch.repeats.insert((group, key, repeat_key(number)), receipt);
        batch.presentations.push(Presentation { group, partition: key, user: tag(number), at_ms: 1 });
    }
    batch.entries.push((group, key, u32::MAX, entry(1, 10)));
    batch
}

fn removal(key: MaskedPartitionKey) -> Transition {
    Transition { removed: vec![key], ..Transition::unchanged(Outcome::Done) }
}

fn assert_gone(snapshot: &dyn Snapshot, group: GroupKey, key: MaskedPartitionKey) {
    assert_eq!(snapshot.partition(&group, &key).unwrap(), None);
    assert_eq!(snapshot.messages(&group, &key, 0, u64::MAX).unwrap(), Page::default());
    for number in [0, 1, 0xff] {
        assert_eq!(snapshot.repeat(&group, &key, &repeat_key(number)).unwrap(), None);
        assert_eq!(snapshot.presented(&group, &key, &tag(number)).unwrap(), None);
    }
}

fn remove(store: &dyn crate::store::Store, group: GroupKey, key: MaskedPartitionKey) {
    let mut batch = Batch::default();
    batch.push(group, removal(key));
    store.commit(&batch).unwrap();
}

pub(crate) fn takes_all_rows_of_the_partition(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(&rows(group(1), partition(1))).unwrap();
    remove(&*store, group(1), partition(1));
    assert_gone(&*store.snapshot().unwrap(), group(1), partition(1));
    // What is not there can be removed as well.
    remove(&*store, group(1), partition(1));
}

pub(crate) fn leaves_the_neighbours_alone(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut last = [0xff; 32];
    last[0] = 1;
    let edge = MaskedPartitionKey::new([0xff; 32]);
    let places = [
        (group(1), partition(0)),
        (group(1), partition(1)),
        (group(1), partition(2)),
        (group(1), edge),
        (group(0), partition(1)),
        (group(2), partition(1)),
        (group(2), partition(0)),
        (GroupKey::new(last), edge),
        (GroupKey::new(last), partition(1)),
    ];
    let all: Vec<_> = places.map(|(group, key)| rows(group, key)).into();
    all.iter().for_each(|rows| store.commit(rows).unwrap());
    let removed = [1, 3, 7];
    removed.iter().for_each(|place| remove(&*store, places[*place].0, places[*place].1));
    let snapshot = store.snapshot().unwrap();
    for (place, rows) in all.iter().enumerate() {
        if removed.contains(&place) {
            assert_gone(&*snapshot, places[place].0, places[place].1);
        } else {
            assert_holds(&*snapshot, rows);
        }
    }
}

pub(crate) fn takes_what_came_earlier_in_the_batch(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut batch = rows(group(1), partition(1));
    batch.push(group(1), removal(partition(1)));
    store.commit(&batch).unwrap();
    assert_gone(&*store.snapshot().unwrap(), group(1), partition(1));
}

pub(crate) fn leaves_room_for_a_new_partition(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    store.commit(&rows(group(1), partition(1))).unwrap();
    remove(&*store, group(1), partition(1));
    let again = super::samples::append(group(1), partition(1), 0);
    store.commit(&again).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &again);
    assert_eq!(snapshot.messages(&group(1), &partition(1), 0, u64::MAX).unwrap().entries.len(), 1);
    drop(snapshot);
    drop(store);
    let store = open(folder.path());
    assert_eq!(store.snapshot().unwrap().messages(&group(1), &partition(1), 0, u64::MAX).unwrap().entries.len(), 1);
}
