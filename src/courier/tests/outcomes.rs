//! Who gets what.

use std::time::Duration;

use tokio::net::TcpListener;

use super::{
    follower::{Asked, Follower, Reply},
    stage::Stage,
};
use crate::{
    client::{http::tests::provider::Authority, key_package_ref},
    courier::DeliveryLimits,
    fixtures::{
        key_packages::Device,
        mls,
        requests::{self, Attached},
    },
    service::setup::{DAY, PATIENCE, START, commit, commit_with, peer, user, user_id},
    wire::{ClientId, InboxRequest, UploadKeyPackagesRequest, WelcomeDecision, decode},
};

#[tokio::test]
async fn each_provider_gets_what_is_for_its_users_and_the_hub_is_one_of_them() {
    let authority = Authority::new();
    let mut follower = Follower::start(&authority, "follower.example", vec![]).await;
    let mut third = Follower::start(&authority, "third.example", vec![]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", follower.address), ("third.example", third.address)]);
    let package = decode(&Device::new(mls::SUITE).one_time(START / 1000)).unwrap();
    let own = key_package_ref(&package).unwrap().0;
    let client_id = ClientId::new([1; 16]);
    let upload = UploadKeyPackagesRequest { client_id, key_packages: vec![package] };
    stage.setup.service.upload_key_packages(&user_id("bob"), upload).await.unwrap();
    stage.start();
    let addressed: [(&[u8], &str); 4] = [
        (b"one", "follower.example"),
        (&own, "hub.example"),
        (b"two", "third.example"),
        (b"three", "follower.example"),
    ];
    let group_id = stage.welcome(&addressed).await;

    assert_eq!(follower.asked_init().await, [b"one".to_vec(), b"three".to_vec()]);
    assert_eq!(third.asked_init().await, [b"two"]);
    let push = follower.given().await;
    assert_eq!(push.welcome_ticket, [0xee; 16]);
    assert_eq!(push.welcome.bytes(), &mls::welcome(mls::SUITE, &[b"one", b"three"]));
    assert_eq!(push.ratchet_tree.as_ref(), Some(&stage.tree(&group_id)), "which the Welcome is too short to have");
    assert_eq!(third.given().await.welcome.bytes(), &mls::welcome(mls::SUITE, &[b"two"]));
    stage.await_waiting(0, &[]).await;
    let request = InboxRequest { client_id, after: 0 };
    let answer = stage.setup.service.inbox(&user_id("bob"), request, Duration::ZERO).await.unwrap();
    let [entry] = answer.response.entries.try_into().unwrap();
    assert_eq!(entry.hub.as_str(), "hub.example");
    assert_eq!(entry.welcome.bytes(), &mls::welcome(mls::SUITE, &[&own]));
    follower.assert_quiet();
    third.assert_quiet();
}

/// Of several commits, only the first one's Welcome goes out at once.
#[tokio::test]
async fn a_held_welcome_goes_out_when_its_partition_is_read() {
    let authority = Authority::new();
    let mut follower = Follower::start(&authority, "follower.example", vec![]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", follower.address)]);
    stage.start();
    let group = stage.setup.group().await;
    stage.setup.send(user("alice"), commit(&group, 0, 1, "first")).await.unwrap();
    let data = requests::welcome_data(&mls::welcome(mls::SUITE, &[b"one"]), &["follower.example"]);
    let attached = Attached { welcome_data: Some(data), group_info: None };
    let second = commit_with(&group, 0, 2, "second", &attached);
    stage.setup.send(peer("third.example"), second).await.unwrap();
    stage.await_waiting(1, &[]).await;
    follower.assert_quiet();
    stage.setup.receive(peer("third.example"), &group, 2, 0).await;
    assert_eq!(follower.asked_init().await, [b"one"]);
    // No tree: the hub knows none of that epoch.
    assert!(follower.given().await.ratchet_tree.is_none());
    stage.await_waiting(0, &[]).await;
}

#[tokio::test]
async fn who_takes_it_for_nobody_is_asked_once() {
    let authority = Authority::new();
    use WelcomeDecision::{AlreadyUsed, Expired, Refused, Unknown};
    let nobody = Reply::Decide(1, vec![Unknown, Expired, AlreadyUsed, Refused]);
    let mut follower = Follower::start(&authority, "follower.example", vec![nobody]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", follower.address)]);
    stage.start();
    let refs: [(&[u8], &str); 4] = [b"a", b"b", b"c", b"d"].map(|known| (known.as_slice(), "follower.example"));
    stage.welcome(&refs).await;
    follower.asked_init().await;
    stage.await_waiting(0, &[]).await;
    follower.assert_quiet();
}

/// Deliveries to a provider that does not answer are under way at once up to its share, and others get theirs.
#[tokio::test]
async fn one_that_is_slow_stands_in_nobody_s_way() {
    let authority = Authority::new();
    let mut slow = Follower::start(&authority, "follower.example", vec![Reply::Hang; 100]).await;
    let mut third = Follower::start(&authority, "third.example", vec![]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", slow.address), ("third.example", third.address)]);
    for _group in 0..6 {
        stage.welcome(&[(b"slow", "follower.example")]).await;
    }
    stage.welcome(&[(b"quick", "third.example")]).await;
    stage.start();
    third.asked_init().await;
    third.given().await;
    for _visit in 0..4 {
        slow.asked_init().await;
    }
    stage.await_waiting(6, &[0; 6]).await;
    slow.assert_quiet();
    stage.stop().await;
}

/// One that accepts, and then does not take what it is given, has half of the memory at most.
#[tokio::test]
async fn one_that_takes_for_ever_leaves_memory_to_the_others() {
    let authority = Authority::new();
    let script = [Reply::Decide(7, vec![WelcomeDecision::Accepted]), Reply::Hang];
    let mut slow = Follower::start(&authority, "follower.example", vec![]).await;
    let mut third = Follower::start(&authority, "third.example", vec![]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", slow.address), ("third.example", third.address)]);
    stage.welcome(&[(b"slow", "follower.example")]).await;
    slow.will(script);
    // As little as there can be: whoever is served has all of its share.
    let limits = DeliveryLimits { bytes_max: 1, ..DeliveryLimits::default() };
    stage.start_within(limits);
    slow.asked_init().await;
    slow.given().await;
    for _group in 0..3 {
        stage.welcome(&[(b"slow", "follower.example")]).await;
    }
    stage.welcome(&[(b"quick", "third.example")]).await;
    for _visit in 0..3 {
        slow.asked_init().await;
    }
    third.asked_init().await;
    third.given().await;
    stage.await_waiting(4, &[0; 4]).await;
    slow.assert_quiet();
    stage.stop().await;
}

/// One that is down for an hour gets its Welcome when it is back.
#[tokio::test]
async fn one_that_is_down_gets_it_later() {
    let authority = Authority::new();
    let (closed, address) = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    };
    drop(closed);
    let mut stage = Stage::new(&authority, &[("follower.example", address)]);
    stage.start();
    stage.welcome(&[(b"one", "follower.example")]).await;
    for attempt in 1..=10 {
        stage.await_waiting(1, &[attempt]).await;
        // The longest wait; the first ones are seconds.
        stage.after(600_000);
    }
    stage.stop().await;
    let mut follower = Follower::start(&authority, "follower.example", vec![]).await;
    let mut stage = stage.dialling_as(Stage::new(&authority, &[("follower.example", follower.address)]));
    stage.start();
    stage.after(600_000);
    follower.asked_init().await;
    follower.given().await;
    stage.await_waiting(0, &[]).await;
}

#[tokio::test]
async fn after_thirty_days_the_hub_gives_up() {
    let authority = Authority::new();
    let down = Reply::Problem(http::StatusCode::SERVICE_UNAVAILABLE, "unavailable", None);
    let mut follower = Follower::start(&authority, "follower.example", vec![down; 2]).await;
    let mut stage = Stage::new(&authority, &[("follower.example", follower.address)]);
    stage.start();
    stage.welcome(&[(b"one", "follower.example")]).await;
    follower.asked_init().await;
    stage.await_waiting(1, &[1]).await;
    stage.after(30 * DAY);
    follower.asked_init().await;
    stage.await_waiting(0, &[]).await;
    stage.after(DAY);
    // Whoever asks next is asked about another Welcome.
    stage.welcome(&[(b"two", "follower.example")]).await;
    let next = tokio::time::timeout(PATIENCE, follower.asked()).await.unwrap();
    assert!(matches!(next, Asked::Init(refs) if refs == [b"two"]));
}
