//! Point reads: what was written is what is read, row by row.

use std::sync::Arc;

use bytes::Bytes;
use tempfile::TempDir;

use super::{
    Open,
    samples::{
        append, assert_holds, batch, dispatch_key, entry, group, group_record, outgoing_record, partition, provider,
        repeat_key, tag, transition, welcome_name, welcome_row,
    },
};
use crate::{
    mls::{CipherSuite, EpochNumber},
    sequencer::{
        Blob, BlobKey, Dispatch, DispatchKey, EntryCommit, Group, Head, Outcome, Outgoing, Parent, Partition, Receipt,
        Reservation, Sign, Timer, Transition, Usage, Use, WelcomeName,
    },
    store::{Batch, Presentation},
    wire::MaskedPartitionKey,
};

pub(crate) fn of_every_kind_are_read_back(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let batch = batch(group(1));
    store.commit(&batch).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &batch);
    store.writable().unwrap();
}

/// Empty lists, nothing where something may be, the largest numbers, and values of megabytes.
pub(crate) fn of_any_content_are_read_back(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let large = Bytes::from(vec![0x5a; 5 * 1024 * 1024]);
    let mut batch = Batch::default();
    let mut most = Partition::new(u64::MAX, Some(EpochNumber(u64::MAX)), None);
    most.next_index = u32::MAX;
    most.bytes = u64::MAX;
    most.uses = (0..100)
        .map(|n| Use { provider: provider(&format!("p{n}.example")), first_ms: n, last_ms: n, given: None, commits: 0 })
        .collect();
    most.evidence.note(Sign::NoEdge, 7);
    batch.push(
        group(0),
        Transition {
            group: Some(Group { users: Vec::new(), cipher_suite: CipherSuite(u16::MAX), ..group_record() }),
            partitions: vec![(MaskedPartitionKey::NONE, Partition::new(0, None, None)), (partition(0xff), most)],
            appends: vec![(partition(0xff), u32::MAX, entry(u64::MAX, 0))],
            heads: vec![Head { partition: partition(0xff), epoch: EpochNumber(u64::MAX), is_head: true }],
            blobs: vec![Blob::new(&large), Blob::new(&Bytes::new())],
            timers: vec![Timer { due_ms: u64::MAX, partition: MaskedPartitionKey::NONE }],
            ..Transition::unchanged(Outcome::Done)
        },
    );
    // A commit without a GroupInfo, and a message of megabytes.
    let commit = Some(EntryCommit { next: partition(2), group_info: None });
    batch.entries.push((group(0), partition(1), 0, crate::sequencer::Entry { commit, ..entry(1, 17) }));
    batch.entries.push((group(0), partition(1), 1, crate::sequencer::Entry { message: large, ..entry(2, 0) }));
    // The Welcome of a creation.
    batch.welcomes.push((group(0), welcome_row(WelcomeName { commit: None, ..welcome_name() })));
    let nothing = Outgoing { held_for: Vec::new(), bytes: u64::MAX, dispatches: u32::MAX, ..outgoing_record() };
    batch.outgoing.insert((group(0), WelcomeName { commit: None, ..welcome_name() }), Some(nothing));
    batch.dispatches.insert((group(0), dispatch_key("hub.example", u64::MAX)), Some(Dispatch::default()));
    store.commit(&batch).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &batch);
}

pub(crate) fn that_were_never_written_are_not_there(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let nothing_of = |number: u8| {
        let snapshot = store.snapshot().unwrap();
        let (group, key) = (group(number), partition(0x10));
        assert_eq!(snapshot.group(&group).unwrap(), None);
        assert_eq!(snapshot.reservation(&group).unwrap(), None);
        assert_eq!(snapshot.partition(&group, &key).unwrap(), None);
        assert_eq!(snapshot.repeat(&group, &key, &repeat_key(0x20)).unwrap(), None);
        assert_eq!(snapshot.messages(&group, &key, 0, u64::MAX).unwrap(), crate::store::Page::default());
        assert_eq!(snapshot.blob(&group, &BlobKey::of(b"a GroupInfo")).unwrap(), None);
        assert_eq!(snapshot.budget(&provider("follower.example"), &group).unwrap(), Usage::default());
        assert_eq!(snapshot.presented(&group, &key, &tag(0x31)).unwrap(), None);
        assert_eq!(snapshot.welcome(&group, &welcome_name()).unwrap(), None);
        assert_eq!(snapshot.outgoing(&group, &welcome_name()).unwrap(), None);
        assert_eq!(snapshot.dispatch(&group, &dispatch_key("hub.example", 1_700_000_093_000)).unwrap(), None);
    };
    nothing_of(1);
    let snapshot = store.snapshot().unwrap();
    assert_eq!(snapshot.budgets(None, 10).unwrap(), []);
    assert_eq!(snapshot.due(u64::MAX, 10).unwrap(), []);
    assert_eq!(snapshot.announced(&partition(0x10), 10).unwrap(), []);
    assert_eq!(snapshot.undelivered(None, 10).unwrap(), []);
    assert_eq!(snapshot.addressee(None).unwrap(), None);
    assert_eq!(snapshot.dispatches(&provider("hub.example"), 10).unwrap(), []);
    drop(snapshot);
    store.commit(&batch(group(1))).unwrap();
    nothing_of(0);
    nothing_of(2);
}

pub(crate) fn are_replaced_by_later_ones(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let group = group(1);
    store.commit(&batch(group)).unwrap();
    // In one batch the later of two transitions counts.
    let mut second = Batch::default();
    for created_ms in [8, 9] {
        second.push(
            group,
            Transition {
                group: Some(Group { created_ms, ..group_record() }),
                reservation: Some(Some(Reservation { holder: tag(1), until_ms: created_ms })),
                partitions: vec![(partition(0x10), Partition::new(created_ms, None, None))],
                repeat: Some((
                    partition(0x10),
                    repeat_key(0x20),
                    Receipt { accepted_ms: created_ms, index: 0, commits_before: 0 },
                )),
                budgets: vec![(provider("follower.example"), Usage { partitions: created_ms, bytes: 1 })],
                ..Transition::unchanged(Outcome::Done)
            },
        );
    }
    second.presentations.push(Presentation { group, partition: partition(0x10), user: tag(0x31), at_ms: 9 });
    store.commit(&second).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &second);
    assert_eq!(snapshot.group(&group).unwrap().unwrap().created_ms, 9);
    assert_eq!(snapshot.partition(&group, &partition(0x10)).unwrap().unwrap().created_ms, 9);
    assert_eq!(snapshot.budget(&provider("follower.example"), &group).unwrap().partitions, 9);
    drop(snapshot);

    let mut cleared = Batch::default();
    cleared.push(group, Transition { reservation: Some(None), ..Transition::unchanged(Outcome::Done) });
    store.commit(&cleared).unwrap();
    assert_eq!(store.snapshot().unwrap().reservation(&group).unwrap(), None);
}

/// The same partition key, message and user in two groups, whose keys are neighbours.
pub(crate) fn belong_to_their_group(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let batches = [group(1), group(2)].map(|group| {
        let mut batch = batch(group);
        let number = u64::from(group.as_bytes()[0]);
        let record = batch.groups.get_mut(&group).unwrap();
        Arc::make_mut(record).created_ms = number;
        batch.entries[0].3.accepted_ms = number;
        batch.presentations[0].at_ms = number;
        for record in batch.outgoing.values_mut().flatten() {
            record.submitted_ms = number;
        }
        for record in batch.dispatches.values_mut().flatten() {
            record.attempts = u32::try_from(number).unwrap();
        }
        for usage in batch.budgets.values_mut() {
            usage.bytes = number;
        }
        store.commit(&batch).unwrap();
        batch
    });
    let snapshot = store.snapshot().unwrap();
    for batch in &batches {
        assert_holds(&*snapshot, batch);
    }
    let page = snapshot.messages(&group(1), &partition(0x10), 0, u64::MAX).unwrap();
    assert_eq!((page.entries.len(), page.more), (1, false));
    let first: Vec<_> = snapshot.announced(&partition(0x10), 10).unwrap();
    assert_eq!(first, [group(1), group(2)]);
}

/// No part of a row's key is left out of it.
pub(crate) fn are_told_apart_by_all_of_their_key(open: Open) {
    let folder = TempDir::new().unwrap();
    let store = open(folder.path());
    let group = group(1);
    let mut batch = Batch::default();
    let receipt = |index| Receipt { accepted_ms: 1, index, commits_before: 0 };
    // Not from zero on: a partition of zeros is none.
    for number in 1..5 {
        batch.repeats.insert((group, partition(5), repeat_key(number)), receipt(number.into()));
        batch.repeats.insert((group, partition(number), repeat_key(9)), receipt(u32::from(number) + 10));
        batch.budgets.insert((provider(&format!("p{number}.example")), group), Usage { partitions: 0, bytes: 1 });
        let presentation = |partition, user| Presentation { group, partition, user, at_ms: number.into() };
        batch.presentations.push(presentation(partition(5), tag(number)));
        batch.presentations.push(presentation(partition(number), tag(9)));
        // Two commits of one partition, one commit index in two partitions, and two partitions of one commit.
        let commit = |key: u8, index| Some(Parent { key: partition(key), index });
        for (opened, commit) in [(7, commit(8, number.into())), (7, commit(number, 9)), (number, commit(8, 9))] {
            let name = WelcomeName { partition: partition(opened), commit };
            batch.welcomes.push((group, welcome_row(name)));
            batch.outgoing.insert((group, name), Some(Outgoing { dispatches: opened.into(), ..outgoing_record() }));
            let key = DispatchKey { welcome: name, ..dispatch_key("hub.example", 5) };
            batch.dispatches.insert((group, key), Some(Dispatch { attempts: opened.into(), ..Dispatch::default() }));
        }
        for key in [dispatch_key(&format!("p{number}.example"), 5), dispatch_key("hub.example", number.into())] {
            batch.dispatches.insert((group, key), Some(Dispatch { attempts: number.into(), ..Dispatch::default() }));
        }
        batch.timers.push((group, Timer { due_ms: 5, partition: partition(number) }));
        batch.timers.push((group, Timer { due_ms: number.into(), partition: partition(5) }));
    }
    store.commit(&batch).unwrap();
    store.commit(&append(group, partition(1), 0x0100)).unwrap();
    store.commit(&append(group, partition(1), 0x0001)).unwrap();
    let snapshot = store.snapshot().unwrap();
    assert_holds(&*snapshot, &batch);
    assert_eq!(snapshot.undelivered(None, 100).unwrap().len(), 12);
    assert_eq!(snapshot.dispatches(&provider("hub.example"), 100).unwrap().len(), 16);
    for (from, index) in [(0, 0x0001), (2, 0x0100)] {
        let page = snapshot.messages(&group, &partition(1), from, u64::MAX).unwrap();
        assert_eq!(page.entries.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [index]);
    }
    drop(snapshot);
    // All of `transition` at once again changes nothing.
    let mut again = Batch::default();
    again.push(group, transition());
    again.push(group, transition());
    store.commit(&again).unwrap();
    assert_holds(&*store.snapshot().unwrap(), &again);
}
