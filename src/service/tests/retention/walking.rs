//! Walks from beginning to end, and in pieces.

use crate::{
    fixtures::{
        mls,
        requests::{Attached, welcome_data},
    },
    sequencer::{Blob, GroupKey, Policy, Receipt, RepeatKey, UnixMillis, Usage},
    service::{
        Error, Limits, Next,
        setup::{
            DAY, HOUR, Setup, commit, commit_with, key as partition_key, peer, provider, say, texts, user, user_id,
        },
    },
    store::{Batch, Snapshot, Store, watched::Damage},
    wire::{DeleteGroupRequest, MaskedPartitionKey, PartitionKey},
};

fn info(group: &[u8], epoch: u64) -> Attached {
    Attached { group_info: Some(mls::group_info(group, epoch, mls::SUITE, Some(b"tree"))), welcome_data: None }
}

/// A group that has gone on from the partition of key 0 to that of key 1, with messages in both, and a GroupInfo.
async fn two_epochs(setup: &Setup) -> Vec<u8> {
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "first")).await.unwrap();
    setup.send(user("alice"), commit_with(&group, 0, 1, "leads on", &info(&group, 1))).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "second")).await.unwrap();
    group
}

#[tokio::test]
async fn who_comes_back_after_a_month_is_told_where_messages_begin() {
    let setup = Setup::new();
    let group = two_epochs(&setup).await;
    let follower = peer("follower.example");
    setup.clock.advance(31 * DAY);
    setup.retain().await;
    for counter in [0, 1] {
        let received = setup.receive(&follower, &group, 0, counter).await;
        assert_eq!(texts(&received).len(), 0);
        assert_eq!((received.first_index, received.next_index, received.more), (2, 2, false));
    }
    // Who had read everything, and who asks for what never was, is told as ever.
    for counter in [2, 7] {
        let received = setup.receive(&follower, &group, 0, counter).await;
        assert_eq!((received.first_index, received.next_index), (counter, counter));
    }
    assert_eq!(texts(&setup.receive(&follower, &group, 1, 0).await), ["second"], "the head stays");
    // Indexes are never given twice, and what was sent since is read.
    assert_eq!(setup.send(&follower, say(&group, 0, "late")).await.unwrap().index, 2);
    let received = setup.receive(&follower, &group, 0, 0).await;
    assert_eq!((texts(&received), received.first_index, received.next_index), (vec!["late".to_owned()], 2, 3));
}

#[tokio::test]
async fn nothing_is_left_of_what_was_superseded_but_its_record() {
    let setup = Setup::new();
    let group = two_epochs(&setup).await;
    let key = GroupKey::of(&group);
    let [zero, one] = [0, 1].map(|number| PartitionKey::new(partition_key(number)).masked());
    let blob = Blob::new(&info(&group, 1).group_info.unwrap().into()).key;
    let presented = |snapshot: &dyn Snapshot| snapshot.presentations(None, 100).unwrap().len();
    {
        let snapshot = setup.store.snapshot().unwrap();
        assert_eq!((snapshot.blob_count(&key, &blob).unwrap(), presented(&*snapshot)), (2, 2));
    }
    setup.clock.advance(29 * DAY);
    setup.receive(user("alice"), &group, 1, 0).await;
    setup.settle().await;
    setup.clock.advance(2 * DAY);
    setup.retain().await;
    let snapshot = setup.store.snapshot().unwrap();
    let record = snapshot.partition(&key, &zero).unwrap().unwrap();
    assert!(record.is_remnant() && record.bytes == 0 && record.next_index == 2);
    assert_eq!(snapshot.blob_count(&key, &blob).unwrap(), 1, "the head has it");
    assert!(snapshot.blob(&key, &blob).unwrap().is_some());
    assert_eq!(presented(&*snapshot), 1, "alice's presentation of the head");
    assert!(!snapshot.partition(&key, &one).unwrap().unwrap().is_remnant());
    drop(snapshot);
    // A reader of what is left leaves no trace.
    setup.receive(user("bob"), &group, 0, 0).await;
    setup.settle().await;
    assert_eq!(presented(&*setup.store.snapshot().unwrap()), 1);
}

/// More than one step removes, in several partitions and groups; the process ends in between.
#[tokio::test]
async fn a_walk_goes_on_where_it_was() {
    let mut setup = Setup::new();
    let mut groups = Vec::new();
    for _group in 0..3 {
        let group = setup.group().await;
        for (number, next) in (0..30).zip(1..) {
            setup.send(user("alice"), say(&group, number, "text")).await.unwrap();
            setup.send(user("alice"), commit(&group, number, next, "on")).await.unwrap();
        }
        groups.push(group);
    }
    setup.clock.advance(31 * DAY);
    let mut steps = 0;
    while let Next::Step(_) = setup.service.retain().await.unwrap() {
        steps += 1;
        if steps % 10 == 0 {
            setup = setup.restart().await;
        }
        assert!(steps < 1000);
    }
    assert!(steps > 90, "a step for each partition: {steps}");
    let snapshot = setup.store.snapshot().unwrap();
    for group in &groups {
        let partitions = snapshot.partitions(&GroupKey::of(group), &[], None, 100).unwrap();
        assert_eq!(partitions.iter().filter(|(_, record)| record.is_remnant()).count(), 30);
        assert_eq!(partitions.len(), 31);
    }
    let status = setup.service.retention_status();
    assert_eq!((status.started_ms, status.last_removed.emptied <= 90), (None, true));
}

#[tokio::test]
async fn a_partition_of_more_than_one_step_goes_step_by_step() {
    let budget = Usage { partitions: 9, bytes: 1 << 30 };
    let policy = Policy { budget_in_group: budget, budget_in_all: budget, ..Policy::default() };
    let setup = Setup::with(policy, Limits::default());
    let group = setup.group().await;
    let text = "x".repeat(200 * 1024);
    for number in 0..12 {
        setup.send(user("alice"), say(&group, 0, &format!("{number}{text}"))).await.unwrap();
        setup.send(peer("follower.example"), say(&group, 9, &format!("{number}{text}"))).await.unwrap();
    }
    setup.send(user("alice"), commit(&group, 0, 1, "on")).await.unwrap();
    // An orphan goes in the same way, by its timer.
    setup.clock.advance(2 * DAY);
    let mut sweeps = 0;
    let key = GroupKey::of(&group);
    let orphan = PartitionKey::new([9; 16]).masked();
    while setup.store.snapshot().unwrap().partition(&key, &orphan).unwrap().is_some() {
        setup.service.sweep().await.unwrap();
        sweeps += 1;
        assert!(sweeps < 10);
    }
    assert!(sweeps > 2, "{sweeps}");
    let usage = setup.store.snapshot().unwrap().budget(&provider("follower.example"), &key).unwrap();
    assert_eq!(usage, Usage::default());
    setup.clock.advance(30 * DAY);
    setup.retain().await;
    let removed = setup.service.retention_status().last_removed;
    assert_eq!((removed.messages, removed.emptied), (13, 1));
    assert!(removed.bytes > 12 * 200 * 1024);
}

#[tokio::test]
async fn a_group_that_nobody_uses_ends_and_leaves_its_id_behind() {
    let setup = Setup::new();
    let (idle, busy) = (two_epochs(&setup).await, two_epochs(&setup).await);
    for _month in 0..6 {
        setup.clock.advance(30 * DAY);
        setup.receive(user("alice"), &busy, 1, 0).await;
        setup.settle().await;
        setup.retain().await;
    }
    assert_eq!(texts(&setup.receive(user("alice"), &idle, 1, 0).await), ["second"], "read until retention ends");
    let deleted = Err(Error::Rejected(crate::sequencer::Rejection::GroupDeleted));
    assert_eq!(setup.send(user("alice"), say(&idle, 1, "third")).await, deleted);
    assert!(setup.send(user("alice"), say(&busy, 1, "third")).await.is_ok());
    setup.clock.advance(30 * DAY + HOUR);
    setup.retain().await;
    let snapshot = setup.store.snapshot().unwrap();
    assert_eq!(snapshot.partitions(&GroupKey::of(&idle), &[], None, 10).unwrap(), []);
    assert!(snapshot.group(&GroupKey::of(&idle)).unwrap().unwrap().is_tombstone());
    assert_eq!(snapshot.highest_head(&GroupKey::of(&idle)).unwrap(), None);
    drop(snapshot);
    assert_eq!(setup.send(user("alice"), say(&idle, 1, "third")).await, deleted);
    let again = setup.create(&idle).await;
    assert_eq!(again.map(drop), deleted.map(drop));
    assert_eq!(texts(&setup.receive(user("alice"), &busy, 1, 0).await), ["second", "third"]);
}

/// Neither asks anybody nor keeps anything: not those on their way, nor those that wait for somebody who never comes.
#[tokio::test]
async fn welcomes_into_a_deleted_group_go_nowhere() {
    let setup = Setup::new();
    let group = setup.group().await;
    for (next, text) in [(1, "first"), (2, "held")] {
        let welcome = mls::welcome(mls::SUITE, &[text.as_bytes()]);
        let attached = Attached { group_info: None, welcome_data: Some(welcome_data(&welcome, &["third.example"])) };
        setup.send(user("alice"), commit_with(&group, 0, next, text, &attached)).await.unwrap();
    }
    let undelivered = || setup.store.snapshot().unwrap().undelivered(None, 10).unwrap();
    assert_eq!(undelivered().len(), 2);
    let request = DeleteGroupRequest { group_id: group.clone(), partition_key: PartitionKey::new([1; 16]) };
    setup.service.delete_group(&user_id("alice"), &request).await.unwrap();

    let due = setup.service.welcomes_due(10).await.unwrap().due;
    assert_eq!(due.len(), 1);
    assert!(setup.service.parcel(&due[0]).await.unwrap().is_none(), "there is nothing to be asked or brought");
    assert_eq!(setup.service.welcomes_due(10).await.unwrap().due.len(), 0);
    assert_eq!(undelivered().len(), 1);
    setup.retain().await;
    assert!(undelivered().is_empty());
    let snapshot = setup.store.snapshot().unwrap();
    let lost = snapshot.partition(&GroupKey::of(&group), &PartitionKey::new([2; 16]).masked()).unwrap().unwrap();
    assert!(lost.held.is_empty());
}

/// Also those of groups at other hubs, which have no partitions here.
#[tokio::test]
async fn presentations_that_open_nothing_are_forgotten() {
    let setup = Setup::new();
    let group = two_epochs(&setup).await;
    let elsewhere = GroupKey::of(b"mimi://other.example/g/x");
    let partition = PartitionKey::new([3; 16]).masked();
    let present = async || {
        let (user, at_ms) = (setup.service.tag(&user_id("bob")), setup.service.now());
        let presentation = crate::store::Presentation { group: elsewhere, partition, user, at_ms };
        setup.service.lanes.remark(elsewhere, None, Some(presentation));
        setup.settle().await;
    };
    present().await;
    setup.clock.advance(20 * DAY);
    present().await;
    setup.clock.advance(20 * DAY);
    setup.retain().await;
    let rows = || setup.store.snapshot().unwrap().presentations(None, 100).unwrap();
    let count = |group: GroupKey| rows().iter().filter(|((of, _, _), _)| *of == group).count();
    assert_eq!(count(elsewhere), 1, "presented again");
    assert_eq!(count(GroupKey::of(&group)), 0);
    setup.clock.advance(11 * DAY);
    setup.retain().await;
    assert_eq!(rows(), []);
}

/// A store that fails in the middle: the step is done again, and nothing is lost by it.
#[tokio::test]
async fn a_step_that_fails_is_done_again() {
    let setup = Setup::new();
    let group = two_epochs(&setup).await;
    setup.clock.advance(31 * DAY);
    setup.store.fail_writes(crate::store::Error::Io("no disk".into()));
    assert!(setup.service.retain().await.is_err());
    let setup = setup.restart().await;
    let key = (GroupKey::of(&group), PartitionKey::new(partition_key(0)).masked());
    let is_emptied = || setup.store.snapshot().unwrap().partition(&key.0, &key.1).unwrap().unwrap().is_remnant();
    assert!(!is_emptied());
    setup.retain().await;
    assert!(is_emptied());
    assert_eq!(texts(&setup.receive(user("alice"), &group, 0, 0).await).len(), 0);
    assert_eq!(setup.service.retention_status().last_removed.emptied, 1);
}

/// What cannot be read keeps nothing else from going, and is counted.
#[tokio::test]
async fn what_cannot_be_read_is_passed_over() {
    let setup = Setup::new();
    let mut groups = Vec::new();
    for _group in 0..4 {
        groups.push(two_epochs(&setup).await);
    }
    groups.sort_by_key(|group| GroupKey::of(group));
    let first_epoch = PartitionKey::new(partition_key(0)).masked();
    setup.store.damage(Damage {
        group: Some(GroupKey::of(&groups[0])),
        partition: Some((GroupKey::of(&groups[1]), first_epoch)),
        messages: Some((GroupKey::of(&groups[2]), first_epoch)),
        ..Damage::default()
    });
    setup.clock.advance(31 * DAY);
    setup.retain().await;
    let removed = setup.service.retention_status().last_removed;
    assert_eq!((removed.emptied, removed.groups, removed.unreadable), (1, 3, 3));
    setup.store.damage(Damage::default());
    let is_emptied = |group: &Vec<u8>| {
        let record = setup.store.snapshot().unwrap().partition(&GroupKey::of(group), &first_epoch).unwrap();
        record.unwrap().is_remnant()
    };
    assert!(groups.iter().map(is_emptied).eq([false, false, false, true]));
    setup.clock.advance(DAY);
    setup.retain().await;
    assert_eq!(setup.service.retention_status().last_removed.emptied, 3);
}

/// Receipts are kept in no order of time: old ones behind many young ones are found as well.
#[tokio::test]
async fn all_receipts_of_a_group_are_looked_at() {
    let setup = Setup::new();
    let group = setup.group().await;
    let key = GroupKey::of(&group);
    let number_of = |of: UnixMillis| {
        let rows = setup.store.snapshot().unwrap().receipts_of_group(&key, None, usize::MAX).unwrap();
        rows.iter().filter(|(_, receipt)| receipt.as_ref().unwrap().accepted_ms == of).count()
    };
    let write = |numbers: std::ops::Range<u32>, accepted_ms: UnixMillis| {
        let mut batch = Batch::default();
        for number in numbers {
            let mut name = [0; 32];
            name[..4].copy_from_slice(&number.to_be_bytes());
            let receipt = Receipt { accepted_ms, index: 0, commits_before: 0 };
            batch.repeats.insert((key, MaskedPartitionKey::NONE, RepeatKey::new(name)), receipt);
        }
        setup.store.commit(&batch).unwrap();
    };
    let (old_ms, young_ms) = (setup.service.now(), setup.service.now() + 10 * DAY);
    write(0..20_000, young_ms);
    write(20_000..20_600, old_ms);
    setup.clock.advance(31 * DAY);
    let mut steps = 0;
    setup.service.retention.was_there(setup.service.now());
    while let Next::Step(_) = setup.service.retain().await.unwrap() {
        steps += 1;
        assert!(steps < 200);
    }
    assert!(steps > 20_000 / 256, "few rows in a step: {steps}");
    assert_eq!((number_of(old_ms), number_of(young_ms)), (0, 20_000));
    assert_eq!(setup.service.retention_status().last_removed.receipts, 600);
    // The process ends in between.
    setup.clock.advance(10 * DAY);
    let mut setup = setup;
    let mut steps = 0;
    loop {
        setup.service.retention.was_there(setup.service.now());
        if let Next::Walk(_) = setup.service.retain().await.unwrap() {
            break;
        }
        steps += 1;
        if steps % 70 == 0 {
            setup = setup.restart().await;
        }
        assert!(steps < 300);
    }
    assert_eq!(setup.store.snapshot().unwrap().receipts_of_group(&key, None, 1).unwrap(), []);
}
