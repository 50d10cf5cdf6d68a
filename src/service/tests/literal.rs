//! The draft's two-field receive, which names no group.

use std::time::Duration;

use crate::{
    fixtures::{
        mls,
        requests::{self, Attached, CreateGroup},
    },
    service::{
        Received, Submitter,
        setup::{Setup, commit, commit_with, key, peer, say, texts, user, user_id},
    },
    wire::{LiteralReceiveRequest, decode},
};

async fn literal(setup: &Setup, submitter: &Submitter, number: u8, counter: u32, wait: Duration) -> Received {
    let request: LiteralReceiveRequest = decode(&requests::receive_literal(key(number), counter)).unwrap();
    let receive = setup.service.find_literal(submitter, &request, wait).await.unwrap();
    setup.service.receive(submitter, receive).await.unwrap().received
}

async fn now(setup: &Setup, submitter: &Submitter, number: u8) -> Vec<String> {
    texts(&literal(setup, submitter, number, 0, Duration::ZERO).await)
}

#[tokio::test]
async fn it_is_looked_up_in_groups_that_the_provider_used() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "in one")).await.unwrap();
    assert_eq!(now(&setup, &user("bob"), 0).await, ["to one"]);
    assert_eq!(now(&setup, &user("bob"), 1).await, ["in one"]);
    assert_eq!(texts(&literal(&setup, &user("bob"), 1, 1, Duration::ZERO).await).len(), 0);
    // A provider that has not used the group finds nothing, by whatever key; once it has, it finds all.
    assert!(now(&setup, &peer("follower.example"), 0).await.is_empty());
    setup.receive(peer("follower.example"), &group, 0, 0).await;
    setup.settle().await;
    assert_eq!(now(&setup, &peer("follower.example"), 1).await, ["in one"]);
    assert!(now(&setup, &peer("third.example"), 1).await.is_empty());
}

/// A follower whose user has just been welcomed has never used the group.
#[tokio::test]
async fn it_is_looked_up_in_groups_that_the_provider_is_welcomed_to() {
    let setup = Setup::new();
    let welcome = mls::welcome(mls::SUITE, &[b"reference one", b"reference two"]);
    let providers = ["follower.example", "hub.example"];
    let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let welcome_data = Some(requests::welcome_data(&welcome, &providers));
    let body = CreateGroup { welcome_data, ..CreateGroup::bare(id.as_bytes(), key(0)) }.encode();
    setup.service.create_group(&user_id("alice"), decode(&body).unwrap(), &body).await.unwrap();
    setup.send(user("alice"), say(id.as_bytes(), 0, "of the creation")).await.unwrap();
    assert_eq!(now(&setup, &peer("follower.example"), 0).await, ["of the creation"]);
    assert!(now(&setup, &peer("third.example"), 0).await.is_empty());
    // By a commit.
    let group = setup.group().await;
    let welcome_data = Some(requests::welcome_data(&welcome, &["third.example", "third.example"]));
    let attached = Attached { welcome_data, ..Attached::default() };
    setup.send(user("alice"), commit_with(&group, 0, 1, "adds", &attached)).await.unwrap();
    setup.send(user("alice"), say(&group, 1, "in one")).await.unwrap();
    let setup = setup.restart().await;
    assert_eq!(now(&setup, &peer("third.example"), 1).await, ["in one"]);
    assert!(now(&setup, &peer("follower.example"), 1).await.is_empty());
}

#[tokio::test]
async fn orphans_are_not_found() {
    let setup = Setup::new();
    let group = setup.group().await;
    setup.send(user("alice"), say(&group, 9, "orphan")).await.unwrap();
    assert!(now(&setup, &user("alice"), 9).await.is_empty());
    setup.send(user("alice"), commit(&group, 0, 9, "adopts")).await.unwrap();
    assert_eq!(now(&setup, &user("alice"), 9).await, ["orphan"]);
}

/// The same key in two groups is a signal of abuse: nobody is led from one into the other.
#[tokio::test]
async fn two_matches_are_none() {
    let setup = Setup::new();
    let (first, second) = (setup.group().await, setup.group().await);
    setup.send(user("alice"), say(&first, 0, "first")).await.unwrap();
    assert!(now(&setup, &user("alice"), 0).await.is_empty());
    // Of two groups, the follower has used one.
    setup.receive(peer("follower.example"), &second, 0, 0).await;
    setup.settle().await;
    setup.send(user("alice"), say(&second, 0, "second")).await.unwrap();
    assert_eq!(now(&setup, &peer("follower.example"), 0).await, ["second"]);
}

#[tokio::test]
async fn it_waits_and_is_woken() {
    let setup = Setup::new();
    let id = setup.service.mint_group_id(&user_id("alice")).await.unwrap();
    let body = CreateGroup::bare(id.as_bytes(), key(5)).encode();
    setup.service.create_group(&user_id("alice"), decode(&body).unwrap(), &body).await.unwrap();
    let sending = async {
        setup.await_waiting(1).await;
        let message = mls::application(id.as_bytes(), 0, b"woken");
        setup.send(user("alice"), decode(&requests::send(&message, key(5))).unwrap()).await.unwrap();
    };
    let (alice, wait) = (user("alice"), Duration::from_secs(50));
    let both = async { tokio::join!(literal(&setup, &alice, 5, 0, wait), sending) };
    let (received, ()) = tokio::time::timeout(Duration::from_secs(9), both).await.unwrap();
    assert_eq!(texts(&received), ["woken"]);
}

/// Whether a key is known must not show in how long the answer takes.
#[tokio::test]
async fn an_unknown_key_waits_as_long_as_a_known_one() {
    let setup = Setup::new();
    let _group = setup.group().await;
    let wait = Duration::from_millis(300);
    for number in [0, 77] {
        let began = tokio::time::Instant::now();
        let received = literal(&setup, &user("alice"), number, 4, wait).await;
        assert_eq!((texts(&received).len(), received.first_index, received.next_index), (0, 4, 4));
        assert!(began.elapsed() >= wait, "key {number}");
    }
}
