//! A hub with a gateway of its own: what SIGHUP changes of the listener for relays, and what `/metrics` says meanwhile.

use std::{fs, net::SocketAddr};

use restante::wire::{BearerTokenKind, KeyPackageStatus};

use super::world::{World, fetch};
use crate::{
    fixtures::metrics::number,
    relay::ask,
    reloading::{certificate, expires, not_after, renew, told},
    site::FOLLOWER,
};

/// A number of the follower's, by its line.
async fn read(world: &World, line: &str) -> u64 {
    let answer = ask(world.follower.local_tcp(), "/metrics").await;
    number(answer.split_once("\r\n\r\n").expect("an answer has a body").1, line)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_listener_for_relays_takes_over_certificates_and_goes_on() {
    const ANSWERED: &str = "restante_gateway_requests_total{outcome=\"answered\"}";
    let mut world = World::new().await;
    world.upload("bob", 1, 3).await;
    let token = world.mint("bob", BearerTokenKind::Shared).await;
    let fetcher = world.fetcher();
    let public: SocketAddr = world.follower.process.listening_tcp("public").await;
    let standing = ["replay_marks", "refused_seconds", "keyring_fails"].map(|name| format!("restante_gateway_{name}"));
    for metric in standing.iter().map(String::as_str).chain([ANSWERED]) {
        assert_eq!(read(&world, metric).await, 0, "{metric}");
    }
    let mut asked = 0;
    let mut is_answered = async || {
        assert_eq!(fetch(&fetcher, "bob", &token).await.unwrap().status, KeyPackageStatus::Ok);
        asked += 1;
        assert_eq!([read(&world, ANSWERED).await, read(&world, "restante_gateway_replay_marks").await], [asked, asked]);
    };
    is_answered().await;

    let before = certificate(&world.site, FOLLOWER, public).await;
    renew(&world.site, FOLLOWER);
    // Budgets of relays wait for a restart, and so does a table that goes.
    let file = world.site.of(FOLLOWER).join("restante.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("[public]\n", "[public]\nrequests_per_second_of_others = 6\n")).unwrap();
    world.follower.process.reload().await;
    let renewed = certificate(&world.site, FOLLOWER, public).await;
    assert_ne!(renewed, before);
    assert_ne!(not_after(&renewed), not_after(&before));
    assert_eq!(expires(&world.follower, "public").await, not_after(&renewed));
    assert_eq!(told(&world.follower.process, "need a restart")["settings"], "public.requests_per_second_of_others");
    is_answered().await;

    let (head, rest) = text.split_once("[public]\n").unwrap();
    let peers = rest.find("[[peers]]").expect("peers stand last");
    fs::write(&file, format!("{head}{}", &rest[peers..])).unwrap();
    world.follower.process.reload().await;
    assert_eq!(told(&world.follower.process, "need a restart")["settings"], "public");
    assert_eq!(certificate(&world.site, FOLLOWER, public).await, renewed);
    is_answered().await;

    // All or nothing: what the listener for relays cannot use, the one for providers does not get either.
    fs::write(&file, &text).unwrap();
    fs::write(world.site.pki.authority(), "no certificate").unwrap();
    world.follower.process.hang_up().await;
    world.follower.process.has_logged("the new configuration was not taken", 1).await;
    is_answered().await;
}
