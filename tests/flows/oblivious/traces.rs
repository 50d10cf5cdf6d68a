//! What a relay and a provider leave behind: each of them its own half, and no log anything at all.

use std::fs;

use restante::{
    client::oblivious::FetchError,
    wire::{BearerTokenKind, KeyPackageStatus},
};

use super::{
    sealed::{encapsulate, key_list, post},
    world::{World, fetch, request},
};
use crate::{
    privacy::{assert_absent, contents, occurs},
    relay::RELAY,
    site::{FOLLOWER, HUB, token_of},
};

const BOB: &str = "canary-user-bob";
const NOBODY: &str = "canary-user-nobody";
const WRONG: &[u8] = b"canary-token-that-is-wrong";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_keeps_nothing_of_what_was_asked_and_the_provider_nothing_of_who() {
    let mut world = World::new().await;
    let uploaded = world.upload(BOB, 1, 2).await;
    let (shared, unique) =
        (world.mint(BOB, BearerTokenKind::Shared).await, world.mint(BOB, BearerTokenKind::Unique).await);
    let fetcher = world.fetcher();
    for token in [&shared, &unique] {
        assert_eq!(fetch(&fetcher, BOB, token).await.unwrap().status, KeyPackageStatus::Ok);
    }
    for (user, token) in [(BOB, WRONG), (NOBODY, &shared[..]), (NOBODY, WRONG)] {
        assert_eq!(fetch(&fetcher, user, token).await.unwrap().status, KeyPackageStatus::Denied);
    }
    // All kinds of trouble, each with all that it can hold: a replay, one that is spoilt, and a provider that is away.
    let (encapsulated, _context) = encapsulate(&key_list(&world).await, vec![request(BOB, &shared)]);
    let mut spoilt = encapsulated.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    let statuses = [post(&world, &encapsulated).await, post(&world, &encapsulated).await, post(&world, &spoilt).await];
    assert_eq!(statuses.map(|answer| answer.status), [200, 200, 422]);
    world.follower.process.kill().await;
    let away = fetch(&fetcher, BOB, &shared).await;
    assert!(matches!(away, Err(FetchError::Unsealed { status: 502 | 504, .. })), "{away:?}");
    let metrics = world.relay.admin("/metrics").await.into_bytes();
    assert!(occurs(&metrics, b"restante_relay_requests_total"), "the metrics are the metrics");
    world.relay.process.terminate().await;
    assert_eq!(world.relay.process.ended().await.code(), Some(0));

    // What was asked. A KeyPackage is looked for by its middle: its beginning is the same in all.
    let middle = |bytes: &[u8]| bytes[bytes.len() / 3..][..48].to_vec();
    let mut asked = vec![
        ("a user", BOB.into()),
        ("a user", NOBODY.into()),
        ("a wrong token", WRONG.to_vec()),
        ("a shared token", shared[shared.len() - 32..].to_vec()),
        ("a unique token", unique[unique.len() - 32..].to_vec()),
    ];
    let packages = uploaded.one_time.iter().chain([&uploaded.last_resort]);
    asked.extend(packages.map(|package| ("a KeyPackage", middle(package.bytes()))));
    // Who asked: what the relay knows them by, and where they are.
    let who = vec![("a relay token", world.relay.token.clone().into_bytes()), ("an address", b"127.0.0.1".to_vec())];
    let everything = [
        &asked[..],
        &who,
        &[("a service token", token_of(FOLLOWER).into_bytes()), ("a provider", FOLLOWER.into()), ("a hub", HUB.into())],
    ]
    .concat();

    let relay = world.site.of(RELAY);
    let relay_log = fs::read(world.site.log(RELAY)).unwrap();
    assert!(occurs(&relay_log, b"starting"), "the log is the log");
    assert_absent("the relay's log", &relay_log, &everything);
    assert_absent("the relay's metrics", &metrics, &everything);
    let printed = world.relay.process.printed.join("\n").into_bytes();
    assert_absent("the relay's standard output", &printed, &asked);
    let disk = contents(&relay);
    assert_absent("the relay's disk", &disk, &asked);
    assert_absent("the relay's disk", &disk, &who[..1]);
    assert!(occurs(&disk, FOLLOWER.as_bytes()), "the disk is the disk: its configuration names the gateway");

    let log = fs::read(world.site.log(FOLLOWER)).unwrap();
    assert!(occurs(&log, b"gateway opened"), "the log is the log");
    assert_absent("the provider's log", &log, &everything);
    let database = contents(&world.site.database(FOLLOWER));
    assert_absent("the provider's database", &database, &asked[..5]);
    assert_absent("the provider's database", &database, &who);
    let left = middle(uploaded.last_resort.bytes());
    assert!(occurs(&database, &left), "the search finds what is there");
}
