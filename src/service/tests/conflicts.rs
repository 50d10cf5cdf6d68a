//! An engine that others write to as well: what a batch was computed from may have changed, and it is computed again.

use crate::{
    sequencer::{Policy, Rejection, Usage},
    service::{
        Error, Limits,
        setup::{Setup, commit, peer, say, texts, user},
    },
};

#[tokio::test]
async fn a_conflict_is_computed_again() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.store.conflict(2);
    let attempts = setup.store.attempts();
    assert_eq!(setup.send(user("alice"), say(&group, 0, "third time lucky")).await.unwrap().index, 0);
    assert_eq!(setup.store.attempts() - attempts, 3);
    assert_eq!(setup.send(user("alice"), say(&group, 0, "next")).await.unwrap().index, 1);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["third time lucky", "next"]);
}

/// What somebody else wrote is what the second computation starts from.
#[tokio::test]
async fn the_second_computation_sees_what_changed() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 0, "known to the lane")).await.unwrap();
    let (key, partition) = (crate::sequencer::GroupKey::of(&group), crate::wire::PartitionKey::new([0; 16]).masked());
    let mut record = {
        use crate::store::Store;
        setup.store.snapshot().unwrap().partition(&key, &partition).unwrap().unwrap()
    };
    record.next_index = 5;
    let batch = crate::store::Batch {
        partitions: [((key, partition), std::sync::Arc::new(record))].into(),
        ..crate::store::Batch::default()
    };
    crate::store::Store::commit(&*setup.store, &batch).unwrap();
    setup.store.conflict(1);
    assert_eq!(setup.send(user("alice"), say(&group, 0, "behind the others'")).await.unwrap().index, 5);
}

#[tokio::test]
async fn whoever_always_loses_is_told_to_come_back() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.store.conflict(3);
    assert_eq!(setup.send(user("alice"), say(&group, 0, "unlucky")).await, Err(Error::Overloaded));
    assert_eq!(texts(&setup.receive(user("alice"), &group, 0, 0).await).len(), 0);
    setup.service.ready().unwrap();
    assert_eq!(setup.send(user("alice"), say(&group, 0, "unlucky")).await.unwrap().index, 0);
}

/// A batch that was thrown away costs nobody anything, in this group or over all groups.
#[tokio::test]
async fn a_conflict_charges_nobody_twice() {
    let budget_in_group = Usage { partitions: 2, bytes: 1_000_000 };
    let policy = Policy { budget_in_group, budget_in_all: budget_in_group.times(2), ..Policy::default() };
    let setup = Setup::with(policy, Limits::default());
    let groups = [setup.group().await, setup.group().await, setup.group().await];
    let orphan = async |group: &[u8], number| setup.send(peer("follower.example"), say(group, number, "orphan")).await;
    // Four partitions over all groups: each opened after conflicts, or after having lost for good.
    for (group, number) in [(0, 10), (0, 11), (1, 10), (1, 11)] {
        setup.store.conflict(3);
        assert_eq!(orphan(&groups[group], number).await, Err(Error::Overloaded));
        setup.store.conflict(2);
        orphan(&groups[group], number).await.unwrap();
    }
    let limited = Err(Error::Rejected(Rejection::RateLimited { retry_after_seconds: 3600 }));
    assert_eq!(orphan(&groups[0], 12).await, limited);
    assert_eq!(orphan(&groups[2], 10).await, limited, "over all groups");
    // On the dominant branch it may go on.
    setup.send(peer("follower.example"), commit(&groups[2], 0, 1, "member")).await.unwrap();
}
