//! What has had its time goes, and nothing beside it; and all that there is can be walked over.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::{
    Open,
    samples::{append, assert_holds, entry, group, group_record, partition, repeat_key, tag, walk_record},
};
use crate::{
    sequencer::{Blob, GroupKey, Outcome, Partition, Receipt, Transition, Trimmed},
    store::{Batch, Presentation, Snapshot, Store, Walk},
    wire::MaskedPartitionKey,
};

const RECEIPT: Receipt = Receipt { accepted_ms: 1, index: 0, commits_before: 0 };

/// A partition with five messages, receipts and presentations.
fn rows(group: GroupKey, key: MaskedPartitionKey) -> Batch {
    let mut batch = Batch::default();
    batch.partitions.insert((group, key), Arc::new(Partition::new(1, None, None)));
    for number in 0..5_u8 {
        batch.entries.push((group, key, number.into(), entry(1, 10)));
        batch.repeats.insert((group, key, repeat_key(number)), RECEIPT);
        batch.presentations.push(Presentation { group, partition: key, user: tag(number), at_ms: 1 });
    }
    batch
}

fn commit(store: &dyn Store, group: GroupKey, transition: Transition) {
    let mut batch = Batch::default();
    batch.push(group, transition);
    store.commit(&batch).unwrap();
}

fn indexes(snapshot: &dyn Snapshot, group: GroupKey, key: MaskedPartitionKey) -> Vec<u32> {
    let page = snapshot.messages(&group, &key, 0, u64::MAX).unwrap();
    page.entries.iter().map(|(index, _)| *index).collect()
}

pub(crate) fn trimming_takes_messages_up_to_an_index_and_no_others(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let neighbours = [(group(0), partition(1)), (group(1), partition(0)), (group(1), partition(2))];
    let others: Vec<_> = neighbours.into_iter().map(|(group, key)| rows(group, key)).collect();
    others.iter().chain([&rows(group(1), partition(1))]).for_each(|rows| store.commit(rows).unwrap());
    let trimmed = vec![Trimmed { partition: partition(1), from: 0, until: 3, blobs: Vec::new() }];
    commit(&*store, group(1), Transition { trimmed, ..Transition::unchanged(Outcome::Done) });
    let snapshot = store.snapshot().unwrap();
    assert_eq!(indexes(&*snapshot, group(1), partition(1)), [3, 4]);
    assert_eq!(snapshot.repeat(&group(1), &partition(1), &repeat_key(0)).unwrap(), Some(RECEIPT));
    assert_eq!(snapshot.presented(&group(1), &partition(1), &tag(0)).unwrap(), Some(1));
    others.iter().for_each(|rows| assert_holds(&*snapshot, rows));
    drop(snapshot);
    // Also after a restart, and when something comes behind it.
    drop(store);
    let store = open(folder.path());
    store.commit(&append(group(1), partition(1), 5)).unwrap();
    assert_eq!(indexes(&*store.snapshot().unwrap(), group(1), partition(1)), [3, 4, 5]);
}

pub(crate) fn emptying_leaves_the_record_and_what_is_sent_later(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let other = rows(group(1), partition(2));
    store.commit(&other).unwrap();
    store.commit(&rows(group(1), partition(1))).unwrap();
    let record = Partition { first_index: 5, next_index: 5, ..Partition::new(1, None, None) };
    let transition = Transition {
        trimmed: vec![Trimmed { partition: partition(1), from: 0, until: 5, blobs: Vec::new() }],
        emptied: vec![partition(1)],
        partitions: vec![(partition(1), record.clone())],
        ..Transition::unchanged(Outcome::Done)
    };
    commit(&*store, group(1), transition);
    store.commit(&append(group(1), partition(1), 5)).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.partition(&group(1), &partition(1)).unwrap(), Some(record));
    assert_eq!(indexes(&*snapshot, group(1), partition(1)), [5]);
    for number in 0..5 {
        assert_eq!(snapshot.repeat(&group(1), &partition(1), &repeat_key(number)).unwrap(), None);
        assert_eq!(snapshot.presented(&group(1), &partition(1), &tag(number)).unwrap(), None);
    }
    assert_holds(&*snapshot, &other);
}

pub(crate) fn what_nothing_refers_to_is_gone(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let blob = Blob::new(&Bytes::from_static(b"a GroupInfo"));
    let long = Blob::new(&Bytes::from(vec![7; 100_000]));
    for number in [1, 2] {
        let blobs = vec![blob.clone(), long.clone()];
        let blob_counts = vec![(blob.key, 2), (long.key, 1)];
        commit(&*store, group(number), Transition { blobs, blob_counts, ..Transition::unchanged(Outcome::Done) });
    }
    let blob_counts = vec![(blob.key, 1), (long.key, 0)];
    commit(&*store, group(1), Transition { blob_counts, ..Transition::unchanged(Outcome::Done) });
    let snapshot = store.snapshot().unwrap();
    let known = |number, blob: &Blob| {
        let count = snapshot.blob_count(&group(number), &blob.key).unwrap();
        (count, snapshot.blob(&group(number), &blob.key).unwrap().is_some())
    };
    assert_eq!((known(1, &blob), known(1, &long)), ((1, true), (0, false)));
    assert_eq!((known(2, &blob), known(2, &long)), ((2, true), (1, true)), "each group has its own");
    // One that came and went in one batch was never there; one that came again is.
    let mut batch = Batch::default();
    for (blob, count) in [(&long, 1), (&blob, 0), (&blob, 1)] {
        let blobs = if count > 0 { vec![blob.clone()] } else { Vec::new() };
        let blob_counts = vec![(blob.key, count)];
        batch.push(group(1), Transition { blobs, blob_counts, ..Transition::unchanged(Outcome::Done) });
    }
    batch.push(group(1), Transition { blob_counts: vec![(long.key, 0)], ..Transition::unchanged(Outcome::Done) });
    drop(snapshot);
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert!(snapshot.blob(&group(1), &blob.key).unwrap().is_some());
    assert_eq!(snapshot.blob(&group(1), &long.key).unwrap(), None);
}

pub(crate) fn what_is_known_of_a_group_is_taken_back(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let none = MaskedPartitionKey::NONE;
    let mut batch = Batch { announced: vec![(group(1), partition(1)), (group(2), partition(1))], ..Batch::default() };
    for (of, number) in [(1, 1), (1, 2), (2, 1)] {
        batch.repeats.insert((group(of), none, repeat_key(number)), RECEIPT);
    }
    store.commit(&batch).unwrap();
    for of in [1, 2] {
        commit(&*store, group(of), Transition { shows_forks: true, ..Transition::unchanged(Outcome::Done) });
    }
    let transition = Transition {
        shows_no_forks: true,
        unannounced: vec![partition(1)],
        forgotten_receipts: vec![repeat_key(1).stored()],
        ..Transition::unchanged(Outcome::Done)
    };
    commit(&*store, group(1), transition);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.announced(&partition(1), 10).unwrap(), [group(2)]);
    assert_eq!(snapshot.forked(None, 10).unwrap(), [group(2)]);
    let receipt = |of, number| snapshot.repeat(&group(of), &none, &repeat_key(number)).unwrap();
    assert_eq!((receipt(1, 1), receipt(1, 2), receipt(2, 1)), (None, Some(RECEIPT), Some(RECEIPT)));
}

/// All rows of a list that is asked for in pages of two.
fn all<T, C>(mut page: impl FnMut(Option<&C>) -> Vec<T>, cursor: impl Fn(&T) -> C) -> Vec<T> {
    let (mut rows, mut after) = (Vec::new(), None);
    loop {
        let found = page(after.as_ref());
        assert!(found.len() <= 2);
        let Some(last) = found.last() else { return rows };
        after = Some(cursor(last));
        rows.extend(found);
    }
}

pub(crate) fn rows_are_walked_in_order_without_gaps(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let mut batch = Batch::default();
    for number in [0, 1, 7, 8, 0xff] {
        batch.groups.insert(group(number), Arc::new(group_record()));
        batch.partitions.insert((group(7), partition(number)), Arc::new(Partition::new(1, None, None)));
        batch.repeats.insert((group(7), MaskedPartitionKey::NONE, repeat_key(number)), RECEIPT);
        for of in [0, 7, 0xff] {
            let row = |partition| Presentation { group: group(of), partition, user: tag(number), at_ms: number.into() };
            batch.presentations.extend([row(partition(0)), row(partition(0xff))]);
        }
    }
    for of in [6, 8] {
        batch.partitions.insert((group(of), partition(3)), Arc::new(Partition::new(1, None, None)));
        batch.repeats.insert((group(of), MaskedPartitionKey::NONE, repeat_key(3)), RECEIPT);
    }
    batch.repeats.insert((group(7), partition(1), repeat_key(4)), RECEIPT);
    store.commit(&batch).unwrap();
    let snapshot = store.snapshot().unwrap();
    let numbers = [0, 1, 7, 8, 0xff];
    let groups = all(|after| snapshot.groups_after(after, 2).unwrap(), |(group, _)| *group);
    assert!(groups.iter().map(|(group, _)| *group).eq(numbers.map(group)));
    assert!(groups.iter().all(|(_, record)| *record == Ok(group_record())));
    let partitions = all(|after| snapshot.partitions_after(&group(7), after, 2).unwrap(), |(key, _)| *key);
    assert!(partitions.iter().map(|(key, _)| *key).eq(numbers.map(partition)));
    let receipts = all(|after| snapshot.receipts_of_group(&group(7), after, 2).unwrap(), |(key, _)| *key);
    assert!(receipts.iter().map(|(key, _)| *key).eq(numbers.map(|number| repeat_key(number).stored())));
    let presentations = all(|after| snapshot.presentations(after, 2).unwrap(), |(name, _)| *name);
    assert!(presentations.iter().map(|(name, _)| name).is_sorted());
    assert_eq!(presentations.len(), 30);
    let user_at = |at_ms: &Result<u64, crate::store::Error>| tag(u8::try_from(*at_ms.as_ref().unwrap()).unwrap());
    assert!(presentations.iter().all(|((_, _, user), at_ms)| *user == user_at(at_ms)));
    assert_eq!(snapshot.partitions_after(&group(9), None, 2).unwrap(), []);
}

pub(crate) fn there_is_one_walk(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    assert_eq!(store.snapshot().unwrap().walk().unwrap(), None);
    for walk in [Walk::default(), walk_record()] {
        store.commit(&Batch { walk: Some(walk.clone()), ..Batch::default() }).unwrap();
        assert_eq!(store.snapshot().unwrap().walk().unwrap(), Some(walk));
    }
}
