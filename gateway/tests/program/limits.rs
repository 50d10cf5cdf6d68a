//! What is too much, too slow or too often.

use std::time::Duration;

use http::Method;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    time::Instant,
};

use crate::{
    origin::Origin,
    patience,
    process::PATIENCE,
    site::{Running, Site},
    wire,
};

/// Sends these bytes on a connection and nothing more; everything that comes back until the gateway closes it.
async fn stall(running: &Running, bytes: &[u8]) -> String {
    let mut stream = wire::connect(running.address, &running.pki, None).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    // Whether the end is announced or not is not the point.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end in time");
    String::from_utf8_lossy(&answer).into_owned()
}

const HEAD: &str = "POST /.well-known/ohttp-gateway HTTP/1.1\r\nhost: follower.example\r\nconnection: close\r\n\
                    content-type: message/ohttp-req\r\ncontent-length: 1000\r\n";

#[tokio::test]
async fn a_body_that_stops_is_given_up_in_its_time() {
    let origin = Origin::start().await;
    let limits = "request_body_timeout_seconds = 2";
    let running = Site::new(origin.address, limits).start().await;
    let began = Instant::now();
    // In HTTP/1.1, and so with an answer.
    let answer = stall(&running, format!("{HEAD}\r\n0123456789").as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("application/problem+json"), "{answer}");
    // The rest is waited for: five seconds more, so that the client gets to read the answer.
    let (took, limit) = (began.elapsed(), Duration::from_secs(2 + 5));
    assert!((limit..limit + Duration::from_secs(2)).contains(&took), "{took:?}");
    assert_eq!(running.ask("still there").await.0, 200);
    assert_eq!(origin.seen().len(), 1);
}

#[tokio::test]
async fn each_listener_ends_slow_and_silent_connections_and_no_others() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, patience::LIMITS).start().await;
    let tls = Some((wire::client(&running.pki, None), "follower.example"));
    let listeners = [
        ("gateway", patience::Listener { address: running.address, tls, method: Method::GET, path: wire::WELL_KNOWN }),
        ("admin", patience::Listener { address: running.admin, tls: None, method: Method::GET, path: "/healthz" }),
    ];
    patience::are_patient_within_limits(&listeners).await;
    patience::assert_reasons(&running.process.logged(), listeners.len());
}

#[tokio::test]
async fn oversized_bodies_are_refused() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, "request_bytes = 4096").start().await;
    let answer = running.post(vec![0; 4097]).await;
    assert_eq!(answer.status(), 413);
    assert_eq!(running.post(vec![0; 4096]).await.status(), 422);
    assert_eq!(running.post(vec![0; 2_000_000]).await.status(), 413);
}

#[tokio::test]
async fn a_known_relay_has_its_own_budget_and_strangers_share_one() {
    let origin = Origin::start().await;
    let limits = "requests_per_second_of_others = 1\nburst_of_others = 1\nrequests_per_second_per_relay = 100\n\
                  burst_per_relay = 100";
    let running = Site::new(origin.address, limits).start().await;
    let refused = async |identity| running.post_as(identity, vec![0; 100]).await.status() == 429;
    for _ in 0..5 {
        assert!(!refused(Some("relay.example")).await);
    }
    // A certificate of the authority with a name that is not listed is as good as none. A second brings one request
    // more: on a loaded machine that may be all the time between two.
    for identity in [None, Some("stranger.example")] {
        let twice_within_a_second = async { while !refused(identity).await {} };
        tokio::time::timeout(PATIENCE, twice_within_a_second).await.expect("too much is refused");
    }
    assert_eq!(running.post_as(Some("relay.example"), vec![0; 100]).await.status(), 422);
}
