//! What relays answer to `CONNECT`, byte for byte, and what comes through the tunnel (RFC 9110 §9.3.6).

use std::{sync::Arc, time::Duration};

use http::Method;
use ohttp::hpke::Kem;

use super::{
    fetching::{given, giving, package, request},
    gateway::Gateway,
    stage::{RawTunnel, Script, Stage, Then, follower},
};
use crate::client::{
    http::ChannelError,
    oblivious::{FetchError, FetchedKeyPackages},
};

const OPEN: &str = "HTTP/1.1 200 OK\r\n\r\n";

async fn stage() -> (Arc<Script>, Stage) {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    (script, stage)
}

fn answer(script: &Script, answer: impl Into<Vec<u8>>, then: Then) {
    *script.raw_tunnel.lock().unwrap() = Some(RawTunnel { answer: answer.into(), then });
}

async fn fetch(stage: &Stage) -> Result<Vec<FetchedKeyPackages>, FetchError> {
    stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await
}

#[tokio::test]
async fn any_success_is_a_tunnel_and_says_nothing_about_content() {
    let (script, stage) = stage().await;
    for head in [
        "200 OK",
        "200 Connection established\r\nContent-Length: 0",
        "200 OK\r\nContent-Length: 5",
        "200 OK\r\nContent-Length: 5\r\nContent-Length: 7",
        "200 OK\r\nContent-Length: -1",
        "200 OK\r\nTransfer-Encoding: chunked",
        "200 OK\r\nTransfer-Encoding: gzip\r\nContent-Length: 5",
        "200 OK\r\nConnection: close",
        "201 Created",
        "202 Accepted",
        "206 Partial Content\r\nContent-Range: bytes 0-4/5",
        "299 Whatever",
        // Heads in between are passed over.
        "100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK",
    ] {
        answer(&script, format!("HTTP/1.1 {head}\r\n\r\n"), Then::Bridge);
        let fetched = fetch(&stage).await;
        assert!(fetched.is_ok(), "{head}: {fetched:?}");
    }
}

#[tokio::test]
async fn what_is_no_success_is_no_tunnel_whatever_stands_behind_it() {
    let (script, stage) = stage().await;
    for (head, status) in [
        // hyper reads nothing behind a 204.
        ("204 No Content", 204),
        ("101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: tls", 101),
        ("302 Found\r\nLocation: https://elsewhere.test/", 302),
        ("403 Forbidden\r\nContent-Length: 99999999", 403),
        ("502 Bad Gateway\r\nTransfer-Encoding: chunked", 502),
    ] {
        answer(&script, format!("HTTP/1.1 {head}\r\n\r\n"), Then::Bridge);
        let refused = fetch(&stage).await;
        assert_eq!(refused, Err(FetchError::Unsealed { status, retry_after: None }), "{head}");
    }
    assert_eq!(script.count(&Method::POST), 0);
    assert!(script.asked.lock().unwrap().is_empty(), "nothing went to the gateway");
}

#[tokio::test]
async fn heads_without_end_are_not_read() {
    let (script, stage) = stage().await;
    let many: String = (0..200).map(|number| format!("f{number}: v\r\n")).collect();
    for (head, then) in [
        ("HTTP/1.1 200 OK\r\nfield: v".to_owned(), Then::Repeat),
        (format!("HTTP/1.1 200 OK\r\nfield: {}\r\n\r\n", "v".repeat(64 * 1024)), Then::Bridge),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), Then::Bridge),
    ] {
        answer(&script, head, then);
        assert_eq!(fetch(&stage).await, Err(FetchError::Relay(ChannelError::ResponseTooLarge)));
    }
}

#[tokio::test]
async fn slow_heads_end_in_time_and_are_the_relays() {
    let (script, stage) = stage().await;
    for (head, then) in [
        ("", Then::Stall),
        ("HTTP/1.1 200 OK\r\nfield: v", Then::Stall),
        ("HTTP/1.1 103 Early Hints\r\n\r\n", Then::Stall),
    ] {
        answer(&script, head, then);
        let fetcher = stage.fetcher_within(Duration::from_millis(400));
        let slow = fetcher.fetch(&follower(), vec![request(b"bob")]).await;
        assert_eq!(slow, Err(FetchError::Relay(ChannelError::Timeout)), "{head}");
    }
    // A tunnel that opens and leads nowhere is not known to be the relay's fault.
    answer(&script, OPEN, Then::Stall);
    // Time enough for a loaded machine to open it.
    let fetcher = stage.fetcher_within(Duration::from_secs(4));
    let slow = fetcher.fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(slow, Err(FetchError::Gateway(ChannelError::Timeout)));
}

#[tokio::test]
async fn what_breaks_in_a_tunnel_is_no_key_targeting() {
    let (script, stage) = stage().await;
    let behind = |bytes: &[u8]| [OPEN.as_bytes(), bytes].concat();
    for (head, then, error) in [
        // Cut before TLS, within the handshake, and within the answer.
        (behind(b""), Then::Cut, ChannelError::Broken),
        (behind(b""), Then::CutAfter(1), ChannelError::Broken),
        (behind(b""), Then::CutAfter(300), ChannelError::Broken),
        // What a relay puts into the tunnel itself: content, HTTP in clear, an alert.
        (behind(b"hello"), Then::Bridge, ChannelError::Tls),
        (behind(b"HTTP/1.1 200 OK\r\n\r\n"), Then::Stall, ChannelError::Tls),
        (behind(&[0x15, 3, 3, 0, 2, 2, 40]), Then::Stall, ChannelError::Tls),
    ] {
        answer(&script, head, then);
        assert_eq!(fetch(&stage).await, Err(FetchError::Gateway(error)));
    }
    assert_eq!(script.count(&Method::POST), 0);
}
