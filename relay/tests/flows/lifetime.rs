//! Beginning, reloading and ending; and what the command line says.

use std::{
    ffi::OsStr,
    fs,
    net::SocketAddr,
    process::{Command, Stdio},
    time::Duration,
};

use http::Method;
use tokio::net::TcpStream;

use crate::{
    client::tls,
    gateway::{FOLLOWER, Gateway, Reaction, answer},
    process::{PATIENCE, run},
    site::{RELAY, Site, gateway_table},
    supervised,
};

async fn refuses(address: SocketAddr) {
    let refused = async {
        while TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("it takes no new connections");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_under_way_at_the_end_is_answered() {
    let site = Site::new();
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let gateway = Gateway::start(&site.pki, &[alpn]).await;
        let (opened, open) = std::sync::mpsc::channel::<()>();
        let open = std::sync::Mutex::new(open);
        gateway.react(move |_| {
            // On a thread of the test's runtime, which has another one.
            tokio::task::block_in_place(|| open.lock().unwrap().recv_timeout(PATIENCE)).unwrap();
            Reaction::Answer(answer(200, "message/ohttp-res", "sealed"))
        });
        let (mut relay, token) = site.relay_to(gateway.address, "").await;
        let mut client = site.client(&relay).await;
        let asking = tokio::spawn(async move { client.post(&token, "x").await });
        gateway.has_arrivals(&Method::POST, 1).await;
        relay.process.signal("TERM").await;
        refuses(relay.address).await;
        opened.send(()).unwrap();
        let answer = asking.await.unwrap();
        assert_eq!((answer.status, &answer.content[..]), (200, &b"sealed"[..]));
        assert_eq!(relay.process.ended().await.code(), Some(0));
        assert!(relay.process.logged().contains("\"drained\""));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_or_the_limit_ends_it_at_once() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.react(|_| Reaction::Hang);
    for (limits, signals) in [("", 2), ("drain_seconds = 1", 1)] {
        let (mut relay, token) = site.relay_to(gateway.address, limits).await;
        let (mut client, before) = (site.client(&relay).await, gateway.posts().len());
        let asking = tokio::spawn(async move { client.ask(crate::client::encapsulated(&token, "x")).await });
        gateway.has_arrivals(&Method::POST, before + 1).await;
        for _ in 0..signals {
            relay.process.signal("TERM").await;
            refuses(relay.address).await;
        }
        assert_eq!(relay.process.ended().await.code(), Some(1));
        asking.abort();
    }
}

/// A core would hold its users' tokens and its private keys.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_would_leave_no_core() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, _) = site.relay_to(gateway.address, "").await;
    let limits = fs::read_to_string(format!("/proc/{}/limits", relay.process.id())).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max core file size")).expect("there is a limit");
    assert_eq!(line.split_whitespace().take(2).collect::<Vec<_>>(), ["0", "0"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_gateways_and_certificates() {
    const EXPIRES: &str = "restante_relay_certificate_expires_timestamp_seconds";
    let site = Site::new();
    let (first, second) =
        (Gateway::start(&site.pki, &[b"h2"]).await, Gateway::named(&site.pki, "other.example", &[b"h2"]).await);
    let (relay, token) = site.relay_to(first.address, "").await;
    let certificate = async || {
        let stream = tls(relay.address, RELAY, site.pki.client(&[b"h2"])).await;
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    let before = certificate().await;
    let mut client = site.client(&relay).await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    let expired = relay.metric(EXPIRES).await;
    site.pki.issue_until(RELAY, 2100).write(site.folder.path(), "relay");
    site.configure_gateways("", &gateway_table("other.example", second.address));
    relay.process.reload().await;
    assert_ne!(certificate().await, before);
    // `date -u -d 2100-01-01 +%s`
    assert_eq!((expired > 4_102_444_800, relay.metric(EXPIRES).await), (true, 4_102_444_800));
    // The same connection: what it was accepted with stays, where it may ask does not.
    let answer = client.post(&token, "x").await;
    assert_eq!((answer.status, answer.problem()), (404, "not_found".to_owned()));
    let mut request = crate::client::encapsulated(&token, "y");
    *request.uri_mut() = "/v1/relay/other.example".parse().unwrap();
    assert_eq!(client.ask(request).await.status, 200);
    assert_eq!((first.posts().len(), second.posts().len()), (1, 1));
    // And back: the first provider's log is the one that was there.
    site.configure("", first.address);
    relay.process.reload().await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    assert_eq!(
        client.get("/v1/relay/follower.example/keys/log").await.content.iter().filter(|byte| **byte == b'\n').count(),
        1
    );
}

/// Users of a gateway of which nothing has changed notice nothing; what has changed in a file of the same name is found.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_leaves_connections_of_gateways_that_stay_as_they_are() {
    let site = Site::new();
    let (first, second) =
        (Gateway::start(&site.pki, &[b"h2"]).await, Gateway::named(&site.pki, "other.example", &[b"h2"]).await);
    let token = site.mint().await;
    site.pki.issue(RELAY).write(site.folder.path(), "client");
    let shown = format!(
        "{}cert_file = \"client.pem\"\nkey_file = \"client.key\"\n",
        gateway_table("other.example", second.address)
    );
    site.configure_gateways("", &[gateway_table(FOLLOWER, first.address), shown].concat());
    let relay = site.start().await;
    let mut client = site.client(&relay).await;
    let mut ask_both = async || {
        for provider in [FOLLOWER, "other.example"] {
            let mut request = crate::client::encapsulated(&token, "x");
            *request.uri_mut() = format!("/v1/relay/{provider}").parse().unwrap();
            assert_eq!(client.ask(request).await.status, 200);
        }
        [&first, &second].map(|gateway| gateway.posts().last().unwrap().connection)
    };
    let before = ask_both().await;
    relay.process.reload().await;
    assert_eq!(ask_both().await, before);
    site.pki.issue(RELAY).write(site.folder.path(), "client");
    relay.process.reload().await;
    let after = ask_both().await;
    assert_eq!((after[0], after[1] == before[1]), (before[0], false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_of_something_broken_changes_nothing() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, token) = site.relay_to(gateway.address, "").await;
    let mut client = site.client(&relay).await;
    let files = ["relay.toml", "tokens", "relay.pem", "ca.pem"];
    for (times, file) in files.into_iter().enumerate() {
        let good = fs::read(site.path(file)).unwrap();
        fs::write(site.path(file), "[garbage").unwrap();
        relay.process.signal("HUP").await;
        relay.process.has_logged("the new configuration was not taken", times + 1).await;
        assert_eq!(client.post(&token, "x").await.status, 200);
        assert_eq!(site.client(&relay).await.post(&token, "x").await.status, 200);
        fs::write(site.path(file), good).unwrap();
    }
    relay.process.reload().await;
    assert_eq!(client.post(&token, "x").await.status, 200);
    // What reads the log reads these lines too.
    for line in relay.process.logged().lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_configuration_is_said_and_nothing_is_served() {
    let site = Site::new();
    let file = site.configure_gateways("", &gateway_table("hub.example", SocketAddr::from(([127, 0, 0, 1], 1))));
    for command in [&["config", "check"][..], &["serve"]] {
        let words: Vec<_> = command.iter().chain(&["--config"]).map(OsStr::new).chain([file.as_os_str()]).collect();
        let output = run(&words).await;
        assert_eq!((output.status.code(), output.stdout.len()), (Some(78), 0));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("hub.example is one of your own providers") && said.contains("who asks"), "{said}");
    }
    let file = site.configure("", SocketAddr::from(([127, 0, 0, 1], 1)));
    let output =
        run(&["config", "check", "--config"].map(OsStr::new).into_iter().chain([file.as_os_str()]).collect::<Vec<_>>())
            .await;
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(0), &b"the configuration is fine\n"[..]));
    let output = run(&["config", "example"].map(OsStr::new)).await;
    assert_eq!(String::from_utf8(output.stdout).unwrap(), include_str!("../../../config/relay.toml"));
}

/// As in `restante-relay … | head`.
#[test]
fn whoever_stops_reading_is_told_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(env!("CARGO_BIN_EXE_restante-relay"));
    let output = command.args(["config", "example"]).stdout(writer).stderr(Stdio::piped()).output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8_lossy(&output.stderr).as_ref()), (Some(1), ""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_gateways_have_their_own_ways() {
    let site = Site::new();
    let (first, second) =
        (Gateway::start(&site.pki, &[b"h2"]).await, Gateway::named(&site.pki, "other.example", &[b"http/1.1"]).await);
    let token = site.mint().await;
    let tables = [gateway_table(FOLLOWER, first.address), gateway_table("other.example", second.address)].concat();
    site.configure_gateways("", &tables);
    let relay = site.start().await;
    let mut client = site.client(&relay).await;
    for (provider, content) in [(FOLLOWER, "first"), ("other.example", "second")] {
        let mut request = crate::client::encapsulated(&token, content);
        *request.uri_mut() = format!("/v1/relay/{provider}").parse().unwrap();
        assert_eq!(client.ask(request).await.content, format!("res:{content}"));
    }
    assert_eq!((&first.posts()[0].content[..], &second.posts()[0].content[..]), (&b"first"[..], &b"second"[..]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_manager_is_told_of_each_step() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let config = site.configure("", gateway.address);
    supervised::lives(env!("CARGO_BIN_EXE_restante-relay").as_ref(), &config).await;
}
