//! The same content again is the same message: the first receipt, one place in the partition, over restarts too.

use crate::{
    fixtures::{mls, requests::Attached},
    sequencer::{Policy, Usage},
    service::{
        Limits,
        setup::{Setup, commit, commit_with, peer, say, texts, user},
    },
    wire::ExpectCommit,
};

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_receipt() {
    let setup = Setup::new();
    let group = setup.group().await;
    let first = setup.send(user("alice"), say(&group, 0, "once")).await.unwrap();
    let committed = setup.send(peer("follower.example"), commit(&group, 0, 1, "commit")).await.unwrap();
    setup.clock.advance(1000);
    setup.send(user("alice"), say(&group, 0, "in between")).await.unwrap();
    let setup = setup.restart().await;
    // Whoever sends it, and whatever else they say.
    for submitter in [user("alice"), user("mallory"), peer("third.example")] {
        assert_eq!(setup.send(&submitter, say(&group, 0, "once")).await.unwrap(), first);
        assert_eq!(setup.send(&submitter, commit(&group, 0, 1, "commit")).await.unwrap(), committed);
        let expecting = setup.service.send(&submitter, commit(&group, 0, 1, "commit"), Some(ExpectCommit::None)).await;
        assert_eq!(expecting.unwrap(), committed, "before every refusal");
    }
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["once", "commit", "in between"]);
}

#[tokio::test]
async fn another_next_key_or_partition_is_another_message() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "commit")).await.unwrap();
    assert_eq!(setup.send(user("alice"), commit(&group, 0, 2, "commit")).await.unwrap().index, 1);
    let message = mls::application(&group, 0, b"twice");
    for number in 0..2 {
        let request = crate::wire::decode(&crate::fixtures::requests::send(&message, [number; 16])).unwrap();
        setup.send(user("alice"), request).await.unwrap();
    }
    assert_eq!(texts(&setup.receive(user("bob"), &group, 1, 0).await), ["twice"]);
    assert_eq!(texts(&setup.receive(user("bob"), &group, 0, 0).await), ["commit", "commit", "twice"]);
}

/// Signed again after `ratchet_tree_required`: the first GroupInfo stays.
#[tokio::test]
async fn another_group_info_is_still_a_repeat() {
    let setup = Setup::new();
    let group = setup.group().await;
    let with = |tree: &[u8]| Attached {
        group_info: Some(mls::group_info(&group, 1, mls::SUITE, Some(tree))),
        welcome_data: None,
    };
    let first = setup.send(user("alice"), commit_with(&group, 0, 1, "commit", &with(b"tree"))).await.unwrap();
    for attached in [with(b"another tree"), Attached::default()] {
        assert_eq!(setup.send(user("alice"), commit_with(&group, 0, 1, "commit", &attached)).await.unwrap(), first);
    }
    let received = setup.receive(user("bob"), &group, 0, 0).await;
    let commit = received.response.epoch.messages[0].commit.as_ref().unwrap();
    assert_eq!(commit.group_info.as_ref().unwrap().bytes(), &with(b"tree").group_info.unwrap());
}

#[tokio::test]
async fn a_repeat_costs_no_budget() {
    let budget = Usage { partitions: 1, bytes: 1_000 };
    let policy = Policy { budget_in_group: budget, budget_in_all: budget, ..Policy::default() };
    let setup = Setup::with(policy, Limits::default());
    let group = setup.group().await;
    let first = setup.send(peer("follower.example"), say(&group, 9, "orphan")).await.unwrap();
    for _again in 0..30 {
        assert_eq!(setup.send(peer("follower.example"), say(&group, 9, "orphan")).await.unwrap(), first);
    }
}
