//! What a request meets on its way to the origin and back.

use tokio::io::AsyncWriteExt as _;

use crate::{
    metrics::{served, specified_under},
    origin::Origin,
    process::PATIENCE,
    site::{Running, Site},
    wire::{self, WELL_KNOWN},
};

#[tokio::test]
async fn a_request_reaches_the_origin_and_the_answer_the_client() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, "").start().await;
    assert_eq!(running.ask("question").await, (200, "question".to_owned()));
    let seen = origin.seen();
    assert!(seen[0].starts_with("post /v1/key-package http/1.1\r\n"), "{}", seen[0]);
    assert!(seen[0].contains("\r\nhost: follower.example\r\n"));
    assert!(seen[0].contains("\r\nauthorization: bearer secret-token-of-the-test\r\n"));
    for (name, _) in wire::UNWANTED {
        assert!(!seen[0].contains(&format!("\r\n{name}:")), "{name}: {}", seen[0]);
    }
}

#[tokio::test]
async fn an_origin_that_fails_fails_inside() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, "origin_timeout_seconds = 1").start().await;
    for (content, status) in [("hang", 504), ("garbage", 502), ("close", 502), ("endless", 502), ("redirect", 302)] {
        assert_eq!(running.ask(content).await.0, status, "{content}");
    }
    assert!(origin.seen().iter().all(|request| !request.contains("/elsewhere")), "redirects are not followed");
    drop(origin);
    assert_eq!(running.ask("nobody there").await.0, 502);
}

/// What was opened goes on only to whoever proves to be the origin.
#[tokio::test]
async fn an_origin_over_tls_must_be_the_one_that_is_configured() {
    for (host, status) in [("localhost", 200), ("127.0.0.1", 502)] {
        let origin = Origin::start().await;
        let site = Site::new(origin.address, "");
        origin.secure(&site.path("pki"));
        site.secure_origin(origin.address, host);
        let running = site.start().await;
        assert_eq!(running.ask("question").await.0, status, "{host}");
        assert_eq!(origin.seen().len(), usize::from(status == 200), "{host}");
    }
}

#[tokio::test]
async fn nothing_of_a_request_is_logged_or_counted_by_name() {
    let origin = Origin::start().await;
    let site = Site::new(origin.address, "");
    let mut running = site.start().await;
    running.ask("content-of-the-test").await;
    running.post(vec![7; 100]).await;
    let (_, metrics) = running.admin("/metrics").await;
    assert!(metrics.contains("restante_gateway_requests_total{outcome=\"answered\"} 1\n"), "{metrics}");
    assert!(metrics.contains("restante_gateway_requests_total{outcome=\"undecryptable\"} 1\n"), "{metrics}");
    running.process.finish().await;
    let log = running.process.logged();
    assert!(log.contains("starting") && log.contains("drained"), "{log}");
    for said in ["connection opened", "connection closed", "request answered"] {
        assert!(log.contains(said), "{said}: {log}");
    }
    // How long something took may be any number.
    let untimed =
        log.split("\"duration_us\":").map(|part| part.trim_start_matches(|digit: char| digit.is_ascii_digit()));
    let untimed: String = untimed.collect();
    assert_ne!(untimed, log);
    // As a number of its own: digits of a time may be the same.
    for port in [origin.address.port(), running.address.port()].map(|port| port.to_string()) {
        assert!(untimed.split(|digit: char| !digit.is_ascii_digit()).all(|number| number != port), "{port}: {log}");
        assert!(!metrics.contains(&port), "{port}: {metrics}");
    }
    for secret in [
        "content-of-the-test",
        "secret-token",
        "/v1/key-package",
        "follower.example",
        "relay.example",
        "127.0.0.1",
        WELL_KNOWN,
        site.path("").to_str().unwrap(),
    ] {
        assert!(!log.contains(secret) && !metrics.contains(secret), "{secret}: {log}");
    }
}

#[tokio::test]
async fn the_operator_sees_that_it_serves() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, "").start().await;
    assert_eq!(running.admin("/healthz").await, (200, "ok\n".to_owned()));
    assert_eq!(running.admin("/readyz").await, (200, "ready\n".to_owned()));
    assert_eq!(running.admin("/keys").await.0, 404);
    assert!(running.admin("/metrics").await.1.contains("restante_gateway_ready 1\n"));
}

#[tokio::test]
async fn every_metric_has_a_row_in_the_specification_and_every_row_a_metric() {
    let origin = Origin::start().await;
    let running = Site::new(origin.address, "").start().await;
    let (_, shown) = running.admin("/metrics").await;
    assert_eq!(served(&shown), specified_under("### Of a gateway that stands alone", "restante_gateway_"));
}

#[tokio::test]
async fn without_an_admin_listener_it_ends_as_well() {
    let site = Site::new("127.0.0.1:1".parse().unwrap(), "");
    site.without_admin();
    let mut process = site.spawn();
    process.listening("gateway").await;
    process.finish().await;
}

/// Returns when the listener is closed.
async fn is_closed(running: &Running) {
    let closed = async { while wire::connect(running.address, &running.pki, None).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, closed).await.expect("it takes no new connections");
}

/// A request that is at the origin when the end is asked for is answered.
#[tokio::test]
async fn sigterm_lets_requests_finish_and_takes_no_more() {
    let origin = Origin::start().await;
    let mut running = Site::new(origin.address, "").start().await;
    let sealed = wire::seal(&running.list().await, "hold");
    let stream = wire::connect(running.address, &running.pki, None).await.unwrap();
    let request = wire::request(http::Method::POST, WELL_KNOWN, sealed.body.clone());
    let waiting = tokio::spawn(wire::exchange(stream, request));
    origin.holds().await;
    running.process.signal("TERM").await;
    // The listener is closed before the drain is over.
    is_closed(&running).await;
    origin.release();
    assert_eq!(wire::open(&waiting.await.unwrap(), sealed), (200, "held".to_owned()));
    assert!(running.process.ended().await.success());
}

/// An origin that never answers is not waited for beyond the configured time, or beyond a second signal.
#[tokio::test]
async fn a_second_signal_or_the_limit_ends_it_at_once() {
    let origin = Origin::start().await;
    for (limits, signals) in [("drain_seconds = 600", 2), ("drain_seconds = 1", 1)] {
        let mut running = Site::new(origin.address, limits).start().await;
        let sealed = wire::seal(&running.list().await, "hold");
        let head = format!(
            "POST {WELL_KNOWN} HTTP/1.1\r\nhost: follower.example\r\ncontent-type: message/ohttp-req\r\n\
             content-length: {}\r\n\r\n",
            sealed.body.len()
        );
        let mut asking = wire::connect(running.address, &running.pki, None).await.unwrap();
        asking.write_all(&[head.as_bytes(), &sealed.body].concat()).await.unwrap();
        asking.flush().await.unwrap();
        origin.holds().await;
        for _signal in 0..signals {
            running.process.signal("TERM").await;
            // The first one is seen when it listens no more.
            is_closed(&running).await;
        }
        assert_eq!(running.process.ended().await.code(), Some(1), "{}", running.process.logged());
        assert!(running.process.logged().contains("without having drained"));
    }
}
