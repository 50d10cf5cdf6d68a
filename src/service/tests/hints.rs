//! Hints through the use cases: entitlements of providers and of users, and how they are earned.

use crate::{
    sequencer::GroupKey,
    service::{
        Found, Received, Submitter,
        setup::{DAY, HOUR, Setup, commit, key, peer, say, texts_of, user, user_id},
    },
    wire::{HintedEpoch, PartitionKey},
};

/// Three epochs with something in each, through which alice and the follower have gone.
async fn three_epochs(setup: &Setup) -> Vec<u8> {
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    setup.send(peer("follower.example"), commit(&group, 1, 2, "to two")).await.unwrap();
    setup.send(user("alice"), say(&group, 2, "in two")).await.unwrap();
    // Alice was awake in one, and the follower in two.
    setup.receive(user("alice"), &group, 1, 0).await;
    setup.receive(peer("follower.example"), &group, 2, 0).await;
    setup.settle().await;
    group
}

/// The hinted partitions, by number, and what is in them.
fn hints(received: &Received) -> Vec<(u8, Vec<String>)> {
    let number =
        |hint: &HintedEpoch| (0..=255).find(|n| PartitionKey::new(key(*n)).masked() == hint.masked_partition_key);
    let mut hints: Vec<_> =
        received.response.hints.iter().map(|hint| (number(hint).unwrap(), texts_of(&hint.epoch))).collect();
    hints.sort_unstable();
    hints
}

async fn hinted(setup: &Setup, submitter: &Submitter, group: &[u8]) -> Vec<u8> {
    hints(&setup.receive(submitter, group, 0, 0).await).into_iter().map(|(number, _)| number).collect()
}

#[tokio::test]
async fn whoever_presented_the_keys_is_given_the_epochs_whole() {
    let setup = Setup::new();
    let group = three_epochs(&setup).await;
    let all = [(1, vec!["to two".to_owned()]), (2, vec!["in two".to_owned()])];
    assert_eq!(hints(&setup.receive(user("alice"), &group, 0, 0).await), all);
    assert_eq!(hints(&setup.receive(peer("follower.example"), &group, 0, 0).await), all);
    assert_eq!(hints(&setup.receive(user("alice"), &group, 0, 1).await), all, "also behind the last message");
    assert_eq!(hints(&setup.receive(user("alice"), &group, 2, 0).await), [], "never what was asked for");
}

/// A removed member's key opens what it always opened, and nothing after it.
#[tokio::test]
async fn whoever_did_not_present_them_is_given_none() {
    let setup = Setup::new();
    let group = three_epochs(&setup).await;
    assert!(hinted(&setup, &user("removed"), &group).await.is_empty(), "although the provider is entitled");
    assert!(hinted(&setup, &peer("third.example"), &group).await.is_empty());
    // One step, by whoever took it: the chain ends where the entitlement ends.
    setup.receive(user("halfway"), &group, 1, 0).await;
    setup.settle().await;
    assert_eq!(hinted(&setup, &user("halfway"), &group).await, [1]);
    // Presenting a key by sending counts as well, and the epoch in between is needed too.
    setup.send(user("sender"), say(&group, 2, "hello")).await.unwrap();
    assert!(hinted(&setup, &user("sender"), &group).await.is_empty());
}

#[tokio::test]
async fn entitlements_lapse_and_are_renewed_by_use() {
    let setup = Setup::new();
    let group = three_epochs(&setup).await;
    setup.clock.advance(29 * DAY);
    setup.receive(user("alice"), &group, 1, 0).await;
    setup.settle().await;
    setup.clock.advance(DAY + HOUR);
    assert_eq!(hinted(&setup, &user("alice"), &group).await, [1], "two was presented thirty days and an hour ago");
    assert!(hinted(&setup, &peer("follower.example"), &group).await.is_empty());
    let setup = setup.restart().await;
    assert_eq!(hinted(&setup, &user("alice"), &group).await, [1]);
}

/// Presenting a key of a partition that is not there earns nothing, then or later.
#[tokio::test]
async fn guesses_earn_nothing() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.receive(user("early"), &group, 1, 0).await;
    setup.settle().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "in one")).await.unwrap();
    assert!(hinted(&setup, &user("early"), &group).await.is_empty());
}

/// On the side of a follower: its hub's hints are for the provider, each user gets those that it has earned.
#[tokio::test]
async fn a_follower_filters_its_hub_s_hints_for_each_user() {
    let setup = Setup::new();
    let group = GroupKey::of(b"mimi://other.example/g/AAECAwQFBgcICQoLDA0ODw");
    let masked = |number| PartitionKey::new(key(number)).masked();
    let filtered = async |name: &str, asked| {
        let hinted = [1, 2].map(masked);
        let user = user_id(name);
        let entitled = setup.service.entitlements(&user, group, masked(asked), hinted.into(), Found::Messages).await;
        let entitled = entitled.unwrap();
        setup.settle().await;
        hinted.into_iter().zip(entitled).filter_map(|(key, entitled)| entitled.then_some(key)).collect::<Vec<_>>()
    };
    assert_eq!(filtered("bob", 0).await, []);
    assert_eq!(filtered("bob", 1).await, [], "a receive of the first is what is recorded here");
    assert_eq!(filtered("bob", 0).await, [masked(1)]);
    assert_eq!(filtered("carol", 0).await, []);
    setup.service.note_presentation(&user_id("carol"), group, masked(2));
    setup.settle().await;
    assert_eq!(filtered("carol", 0).await, [masked(2)]);
    setup.clock.advance(31 * DAY);
    assert_eq!(filtered("bob", 0).await, []);
    // An empty answer proves nothing: anybody can make up keys.
    setup.service.entitlements(&user_id("dave"), group, masked(1), Vec::new(), Found::Nothing).await.unwrap();
    setup.settle().await;
    assert_eq!(filtered("dave", 0).await, []);
}
