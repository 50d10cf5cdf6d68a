//! What the relay writes down: nothing of whom it serves, where they come from, and what passes through it.

use std::fs;

use http::{Method, Request};
use tokio::io::AsyncWriteExt;

use crate::{
    client::{encapsulated, full, tls},
    gateway::{Gateway, Reaction, answer},
    metrics::{served, specified_under},
    site::{RELAY, Site, files},
};

const CONTENT: &str = "sealed-content-of-alice";
const NOT_TAKEN: &str = "the new configuration was not taken: `restante-relay config check` says why";
const RESPONSE: &str = "sealed-response-for-alice";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_addresses_providers_and_content_are_in_no_log_metric_or_file() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.react(|_| Reaction::Answer(answer(200, "message/ohttp-res", RESPONSE)));
    let limits = "requests_per_minute_per_user = 1\nburst_per_user = 8\nexchange_timeout_seconds = 1";
    let (mut relay, token) = site.relay_to(gateway.address, limits).await;
    let id = String::from_utf8(site.tokens(&["list"]).await.stdout).unwrap().trim().to_owned();

    // Things that go well, and things that do not.
    let stream = tls(relay.address, RELAY, site.pki.client(&[b"http/1.1"])).await;
    let own_address = stream.get_ref().0.local_addr().unwrap();
    let mut stream = stream;
    stream.write_all(b"\0garbage-of-alice\r\n\r\n").await.unwrap();
    for mut client in [site.client(&relay).await, site.old_client(&relay).await] {
        assert_eq!(client.post(&token, CONTENT).await.status, 200);
        assert_eq!(client.post("wrong-token-of-alice", CONTENT).await.status, 407);
        assert_eq!(client.get("/v1/relay/secret-of-alice.example/keys").await.status, 404);
        let mut connect = Request::new(full(""));
        *connect.method_mut() = Method::CONNECT;
        *connect.uri_mut() = "secret-of-alice.example:443".parse().unwrap();
        connect.headers_mut().insert("proxy-authorization", format!("Bearer {token}").parse().unwrap());
        assert_eq!(client.ask(connect).await.status, 403);
    }
    gateway.react(|_| Reaction::Hang);
    assert_eq!(site.client(&relay).await.post(&token, CONTENT).await.status, 504);
    gateway.react(|_| Reaction::Close);
    assert_eq!(site.client(&relay).await.post(&token, CONTENT).await.status, 502);
    let mut client = site.client(&relay).await;
    let mut request = encapsulated(&token, CONTENT);
    request.headers_mut().insert("user-agent", "agent-of-alice".parse().unwrap());
    assert_eq!(client.ask(request).await.status, 502);
    while client.post(&token, CONTENT).await.status != 429 {}
    relay.process.reload().await;
    // Reloads that fail: the reasons are full of names and addresses.
    let good = fs::read_to_string(site.path("relay.toml")).unwrap();
    let address = format!("\"{}\"", gateway.address);
    for broken in [
        good.replace(&address, "\"somewhere-of-alice\""),
        good.replace("\"ca.pem\"", "\"ca-of-alice.pem\""),
        good.replace("[\"hub.example\"]", "[\"follower.example\"]"),
    ] {
        assert_ne!(broken, good);
        let before = relay.process.logged().matches(NOT_TAKEN).count();
        fs::write(site.path("relay.toml"), broken).unwrap();
        relay.process.signal("HUP").await;
        relay.process.has_logged(NOT_TAKEN, before + 1).await;
    }
    fs::write(site.path("relay.toml"), good).unwrap();
    // Taken again: whatever the failed ones had to say has been said by now.
    relay.process.reload().await;
    let (_, metrics) = relay.admin("/metrics").await;
    let (_, readiness) = relay.admin("/readyz").await;
    // Connections with clients are ended by them, so that the drain has nothing to wait for.
    drop((client, stream));
    relay.process.signal("TERM").await;
    assert_eq!(relay.process.ended().await.code(), Some(0));

    let log = without_times(&relay.process.logged());
    for said in ["starting", "serving", "a new key list is served", "reloaded", "drained"] {
        assert!(log.contains(&format!("\"{said}\"")), "{said}: {log}");
    }
    for said in ["connection opened", "connection closed", "request answered", "relay", "tunnel", "keys"] {
        assert!(log.contains(&format!("\"{said}\"")), "{said}: {log}");
    }
    assert!(metrics.contains("outcome=\"rate_limited\"} 1"), "{metrics}");
    let secrets = [
        token.as_str(),
        &id,
        &id[..16],
        "alice",
        "follower.example",
        "127.0.0.1",
        &own_address.port().to_string(),
        &gateway.address.port().to_string(),
        "ohttp-gateway",
        "relay.toml",
        "hub.example",
    ];
    for secret in secrets {
        for (place, text) in [("the log", &log), ("the metrics", &metrics), ("readiness", &readiness)] {
            assert!(!text.contains(secret), "{secret} is in {place}: {text}");
        }
    }
    // On the disk there are key lists and hashes, and nothing of anybody's requests.
    for file in files(&site.path("state")) {
        let bytes = fs::read(&file).unwrap();
        for secret in [token.as_bytes(), id.as_bytes(), b"alice", CONTENT.as_bytes(), RESPONSE.as_bytes()] {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", file.display());
        }
    }
    assert!(!fs::read_to_string(site.path("tokens")).unwrap().contains(&token));
}

/// The log without what may look like a port by chance.
fn without_times(log: &str) -> String {
    let line = |line: &str| {
        // What is meant for the terminal is no event, and is searched as it is.
        let Ok(mut event) = serde_json::from_str::<serde_json::Map<_, _>>(line) else { return format!("{line}\n") };
        event.retain(|name, _| !matches!(name.as_str(), "timestamp" | "duration_us"));
        format!("{}\n", serde_json::Value::Object(event))
    };
    log.lines().map(line).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_has_a_row_in_the_specification_and_every_row_a_metric() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, _) = site.relay_to(gateway.address, "").await;
    let (_, shown) = relay.admin("/metrics").await;
    assert_eq!(served(&shown), specified_under("### Of a relay", "restante_relay_"));
}

/// The numbers are the same ones however many users there are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_do_not_grow_with_users() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, first) = site.relay_to(gateway.address, "").await;
    let lines = async || relay.admin("/metrics").await.1.lines().count();
    let before = lines().await;
    assert_eq!(site.client(&relay).await.post(&first, "x").await.status, 200);
    for _ in 0..5 {
        let token = site.mint().await;
        relay.process.reload().await;
        assert_eq!(site.client(&relay).await.post(&token, "x").await.status, 200);
    }
    assert_eq!(lines().await, before);
}
