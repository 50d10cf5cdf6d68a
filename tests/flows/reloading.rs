//! SIGHUP: what is changed without a restart, what is not, and that a wrong configuration changes nothing.

use std::{fs, net::SocketAddr};

use restante::client::{
    Problem, ProblemCode,
    http::{CallError, DeliveryService},
};
use restante_process::config::facts;
use rustls::pki_types::{CertificateDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::{
    fixtures::metrics::number,
    people::{Person, texts},
    process::{PATIENCE, Process},
    relay,
    site::{FOLLOWER, HUB, Provider, Setting, Site},
};

const STRANGER: &str = "stranger.example";

/// A setting of that log level, at which only what an operator looks at is logged.
fn setting(id: &str) -> Setting {
    Setting { log: "info", ..Setting::new(id) }
}

/// A request of that provider, over a connection of its own.
async fn ask(site: &Site, hub: &Provider, id: &str) -> Result<(), CallError> {
    let client = site.pki.client(&site.pki.identity(id), HUB, hub.provider);
    DeliveryService::new(client.peer(&HUB.parse().unwrap()).unwrap()).read(b"any", 0, 0).await.map(drop)
}

fn is_not_a_peer(result: &Result<(), CallError>) -> bool {
    matches!(result, Err(CallError::Problem(Problem { status: 403, code: Some(ProblemCode::NotAPeer), .. })))
}

/// What a listener of that provider shows to the follower.
pub(crate) async fn certificate(site: &Site, id: &'static str, address: SocketAddr) -> CertificateDer<'static> {
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(site.pki.tls(Some(&site.pki.identity(FOLLOWER))));
    let connecting = connector.connect(ServerName::try_from(id).unwrap(), stream);
    let stream = tokio::time::timeout(PATIENCE, connecting).await.expect("TLS in time").unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
}

/// A new certificate of the same authority.
pub(crate) fn renew(site: &Site, id: &str) {
    let renewed = site.pki.odd(&[id], |_| {});
    let folder = site.of("pki").join(id);
    fs::write(folder.join("cert.pem"), renewed.certificate).unwrap();
    fs::write(folder.join("key.pem"), renewed.key).unwrap();
}

/// When a certificate expires, in seconds since 1970.
pub(crate) fn not_after(certificate: &CertificateDer<'_>) -> u64 {
    facts(certificate).unwrap().not_after.try_into().unwrap()
}

/// What the provider's metrics say of it.
pub(crate) async fn expires(provider: &Provider, listener: &str) -> u64 {
    let line = format!("restante_hub_certificate_expires_timestamp_seconds{{listener=\"{listener}\"}}");
    number(&relay::ask(provider.local_tcp(), "/metrics").await, &line)
}

/// The last line of that message, as JSON.
pub(crate) fn told(process: &Process, message: &str) -> serde_json::Value {
    let log = process.logged();
    let line = log.lines().rev().find(|line| line.contains(message)).expect("it was logged");
    serde_json::from_str(line).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_and_peers_are_taken_over_while_everything_runs() {
    let site = Site::new(&[STRANGER]).await;
    let hub = site.start(&setting(HUB)).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    let before = certificate(&site, HUB, hub.provider).await;
    ask(&site, &hub, FOLLOWER).await.unwrap();
    assert!(is_not_a_peer(&ask(&site, &hub, STRANGER).await));
    // Somebody who is there, and stays.
    let kept = site.pki.client(&site.pki.identity(FOLLOWER), HUB, hub.provider);
    let kept = DeliveryService::new(kept.peer(&HUB.parse().unwrap()).unwrap());
    kept.read(b"any", 0, 0).await.unwrap();

    renew(&site, HUB);
    let nowhere = SocketAddr::from(([127, 0, 0, 1], 1));
    site.configure(&setting(HUB).peer(STRANGER, nowhere));
    hub.process.reload().await;
    let renewed = certificate(&site, HUB, hub.provider).await;
    assert_ne!(renewed, before);
    assert_ne!(not_after(&renewed), not_after(&before));
    assert_eq!(expires(&hub, "provider").await, not_after(&renewed));
    ask(&site, &hub, STRANGER).await.unwrap();
    ask(&site, &hub, FOLLOWER).await.unwrap();
    let line = told(&hub.process, "\"reloaded\"");
    let changed = "peers, provider.cert_file, provider.key_file";
    assert_eq!((line["changed"].as_str(), line["peers"].as_u64()), (Some(changed), Some(2)));

    let mut without = setting(HUB).peer(STRANGER, nowhere);
    without.peers.retain(|(id, _)| id != FOLLOWER);
    site.configure(&without);
    hub.process.reload().await;
    // Also on a connection that was there before.
    assert!(is_not_a_peer(&kept.read(b"any", 0, 0).await.map(drop)));
    assert!(is_not_a_peer(&ask(&site, &hub, FOLLOWER).await));
    alice.say(&group, 0, "and everything else goes on").await.unwrap();
}

/// The way out: a peer that moved is found at its new place, by what waits for it and by what is asked of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_moved_is_asked_where_it_is() {
    let site = Site::new(&[]).await;
    let hub = site.start(&setting(HUB)).await;
    let follower = site.start(&setting(FOLLOWER)).await;
    let (alice, bob) = (hub.user("alice"), follower.user("bob"));
    let group = alice.found().await;
    bob.say(&group, 0, "to nowhere").await.expect_err("nobody is there");
    site.configure(&setting(FOLLOWER).peer(HUB, hub.provider));
    follower.process.reload().await;
    bob.say(&group, 0, "to the hub").await.unwrap();
    assert_eq!(texts(&alice.read(&group, 0, 0).await.unwrap().response.epoch), ["to the hub"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_taken_over_or_named_as_waiting_for_a_restart() {
    let site = Site::new(&[]).await;
    let hub = site.start(&setting(HUB)).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    let long = "m".repeat(2_000);
    alice.say(&group, 0, &long).await.unwrap();
    let more = "[limits]\napplication_message_bytes = 1000\nconnections_max = 100\n[policy]\nlate_minutes = 3\n\
                welcome_preflight = true\n";
    let changed = Setting { more: more.to_owned(), ..setting(HUB) };
    site.configure(&changed);
    hub.process.reload().await;
    let line = told(&hub.process, "\"reloaded\"");
    assert_eq!(line["changed"], "limits.application_message_bytes, policy.late_minutes");
    let line = told(&hub.process, "need a restart");
    assert_eq!(line["settings"], "limits.connections_max, policy.welcome_preflight");
    let refused = alice.say(&group, 0, &"n".repeat(2_000)).await;
    assert!(matches!(refused, Err(CallError::Problem(Problem { status: 413, .. }))), "{refused:?}");
    alice.say(&group, 0, "short").await.unwrap();
    // And back: nothing waits for a restart any more, and it is not said again.
    let restarts = hub.process.logged().matches("need a restart").count();
    site.configure(&setting(HUB));
    hub.process.reload().await;
    alice.say(&group, 0, &"n".repeat(2_000)).await.unwrap();
    assert_eq!(hub.process.logged().matches("need a restart").count(), restarts);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_configuration_changes_nothing_and_says_nothing_of_itself() {
    let site = Site::new(&[]).await;
    let hub = site.start(&setting(HUB)).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    let before = certificate(&site, HUB, hub.provider).await;
    let files = [
        site.of(HUB).join("restante.toml"),
        site.of(HUB).join("token"),
        site.of("pki").join(HUB).join("cert.pem"),
        site.of("pki").join(HUB).join("key.pem"),
        site.pki.authority(),
    ];
    // What could be taken over is not, beside something that cannot.
    let more = "[limits]\napplication_message_bytes = 1000\n".to_owned();
    let good = site.configure(&Setting { more, ..setting(HUB) });
    for (times, file) in files.iter().enumerate() {
        let text = fs::read(file).unwrap();
        fs::write(file, "[canary").unwrap();
        hub.process.hang_up().await;
        hub.process.has_logged("the new configuration was not taken", times + 1).await;
        let reason = told(&hub.process, "was not taken")["reason"].as_str().unwrap().to_owned();
        let table = ["with 1 mistake:", " in local:", "provider", "provider", "provider"][times];
        assert!(reason.contains(table), "{}: {reason}", file.display());
        fs::write(file, text).unwrap();
        assert_eq!(certificate(&site, HUB, hub.provider).await, before, "{}", file.display());
        alice.say(&group, 0, &format!("{times}{}", "m".repeat(2_000))).await.unwrap();
    }
    // Another provider's name is no change of this one.
    let text = fs::read_to_string(&good).unwrap().replace(&format!("id = \"{HUB}\""), "id = \"other.example\"");
    fs::write(&good, text.replace(&format!("../pki/{HUB}/"), &format!("../pki/{FOLLOWER}/"))).unwrap();
    hub.process.hang_up().await;
    hub.process.has_logged("the new configuration was not taken", files.len() + 1).await;
    ask(&site, &hub, FOLLOWER).await.unwrap();
    let log = hub.process.logged();
    for canary in ["canary", "cert.pem", "other.example", "stranger.example"] {
        assert!(!log.contains(canary), "{canary} is in the log: {log}");
    }
    for line in log.lines() {
        assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "{line}");
    }
    hub.process.terminate().await;
}

/// The service's token is read again: the old one opens nothing any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_s_token_can_be_changed() {
    let site = Site::new(&[]).await;
    let hub = site.start(&setting(HUB)).await;
    let alice = hub.user("alice");
    let group = alice.found().await;
    fs::write(site.of(HUB).join("token"), "another-token-of-the-service").unwrap();
    hub.process.reload().await;
    assert_eq!(told(&hub.process, "\"reloaded\"")["changed"], "local.service_token_file");
    hub.process.reload().await;
    assert_eq!(told(&hub.process, "\"reloaded\"")["changed"], "", "nothing has changed since");
    let refused = alice.say(&group, 0, "with the old one").await;
    assert!(matches!(refused, Err(CallError::Problem(Problem { status: 401, .. }))), "{refused:?}");
    site.configure(&setting(HUB));
    hub.process.reload().await;
    alice.say(&group, 0, "with the first one again").await.unwrap();
}
