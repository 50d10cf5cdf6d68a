//! Copies of key lists: one for all, no faster than policy allows, and written down for ever.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    sync::{
        Arc,
        atomic::{AtomicU8, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use http::{Method, Request};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{
    client::{Client, full},
    gateway::{Gateway, Reaction, answer, key_list, keys_answer},
    process::{Process, run},
    site::{Relay, Site},
};

const KEYS: &str = "/v1/relay/follower.example/keys";
const LOG: &str = "/v1/relay/follower.example/keys/log";
const QUICK: &str = "key_refresh_min_seconds = 1\nkey_refresh_max_seconds = 1";

/// Checks a chain as anybody would, and returns the hashes of the lists that were served.
fn verified(log: &str) -> Vec<String> {
    judged(log).0
}

/// The same, and the hashes of those that were refused.
fn judged(log: &str) -> (Vec<String>, Vec<String>) {
    let mut previous = "0".repeat(64);
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    for (number, line) in log.lines().enumerate() {
        let fields: Value = serde_json::from_str(line).unwrap();
        assert_eq!(fields["n"], number, "{log}");
        assert_eq!(fields["previous"], previous, "{log}");
        previous = hex::encode(Sha256::digest(line));
        let lists = if fields["refused"] == "too_soon" { &mut refused } else { &mut served };
        lists.push(fields["sha256"].as_str().unwrap().to_owned());
    }
    (served, refused)
}

fn hash(list: &[u8]) -> String {
    hex::encode(Sha256::digest(list))
}

async fn fetched(relay: &Relay, outcome: &str, times: u64) {
    relay.metric_reaches(&format!("restante_relay_key_fetches_total{{outcome=\"{outcome}\"}}"), times).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_gets_the_same_bytes_with_their_age() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    // A gateway that would like to give everybody another list is asked by the relay alone.
    let (number, counter) = (Arc::new(AtomicU8::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = counter.clone();
    gateway.give_keys(move |arrival| {
        counted.fetch_add(1, SeqCst);
        assert!(arrival.head.headers.iter().all(|(name, _)| name == "accept"), "{:?}", arrival.head);
        let mut response = answer(200, "application/ohttp-keys", key_list(number.fetch_add(1, SeqCst)));
        response.headers_mut().insert("cache-control", "max-age=900".parse().unwrap());
        response.headers_mut().insert("set-cookie", "mark=7".parse().unwrap());
        Reaction::Answer(response)
    });
    let (relay, token) = site.relay_to(gateway.address, "").await;
    fetched(&relay, "changed", 1).await;
    for number in 0..10 {
        let mut client = if number % 2 == 0 { site.client(&relay).await } else { site.old_client(&relay).await };
        let mut request = Request::builder().uri(KEYS).body(full("")).unwrap();
        if number % 3 == 0 {
            request.headers_mut().insert("proxy-authorization", format!("Bearer {token}").parse().unwrap());
        }
        let answer = client.ask(request).await;
        assert_eq!((answer.status, &answer.content[..]), (200, &key_list(0)[..]));
        assert_eq!(answer.field_names(), ["age", "cache-control", "content-length", "content-type", "etag"]);
        assert_eq!(answer.fields["cache-control"], "public, max-age=900");
        assert_eq!(answer.fields["content-type"], "application/ohttp-keys");
        assert_eq!(answer.fields["etag"], format!("\"{}\"", hash(&key_list(0))));
        assert!(answer.fields["age"].to_str().unwrap().parse::<u64>().unwrap() < 60);
    }
    assert_eq!(counter.load(SeqCst), 1, "clients do not make the relay fetch");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_known_list_is_not_sent_again() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, _) = site.relay_to(gateway.address, "").await;
    fetched(&relay, "changed", 1).await;
    let mut client = site.client(&relay).await;
    let etag = client.get(KEYS).await.fields["etag"].clone();
    let request = Request::builder().uri(KEYS).header("if-none-match", etag.clone()).body(full("")).unwrap();
    let answer = client.ask(request).await;
    assert_eq!((answer.status, answer.content.len(), &answer.fields["etag"]), (304, 0, &etag));
    let request = Request::builder().uri(KEYS).header("if-none-match", "\"other\"").body(full("")).unwrap();
    assert_eq!(client.ask(request).await.status, 200);
    let request = Request::builder().method(Method::HEAD).uri(KEYS).body(full("")).unwrap();
    let answer = client.ask(request).await;
    assert_eq!((answer.status, answer.content.len(), &answer.fields["etag"]), (200, 0, &etag));
}

/// The relay asks the gateway with its entity tag, and takes 304 for an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_relay_asks_whether_a_list_has_changed() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    gateway.give_keys(|arrival| {
        if arrival.head.headers.get("if-none-match").is_some_and(|tag| tag == "\"of-the-gateway\"") {
            return Reaction::Answer(answer(304, "application/ohttp-keys", ""));
        }
        let mut response = answer(200, "application/ohttp-keys", key_list(1));
        response.headers_mut().insert("etag", "\"of-the-gateway\"".parse().unwrap());
        Reaction::Answer(response)
    });
    let (relay, _) = site.relay_to(gateway.address, QUICK).await;
    fetched(&relay, "unchanged", 2).await;
    let answer = site.client(&relay).await.get(KEYS).await;
    assert_eq!((answer.status, &answer.content[..]), (200, &key_list(1)[..]));
    assert!(!answer.fields["etag"].to_str().unwrap().contains("gateway"));
}

/// The first look of a relay may come in the last minute before a change, which is shorter than its pace.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_that_is_announced_is_there_when_it_was_announced_for() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let looks = Arc::new(AtomicU8::new(1));
    gateway.give_keys(move |_| {
        let mut response = answer(200, "application/ohttp-keys", key_list(looks.fetch_add(1, SeqCst)));
        response.headers_mut().insert("cache-control", "max-age=2".parse().unwrap());
        Reaction::Answer(response)
    });
    let slow = "key_refresh_min_seconds = 3600\nkey_refresh_max_seconds = 3600\nkey_change_min_hours = 0";
    let (relay, _) = site.relay_to(gateway.address, slow).await;
    fetched(&relay, "changed", 2).await;
    assert_eq!(site.client(&relay).await.get(KEYS).await.content, key_list(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_changes_too_soon_is_refused_and_reported_until_policy_allows_it() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, _) = site.relay_to(gateway.address, QUICK).await;
    fetched(&relay, "changed", 1).await;
    assert_eq!(relay.admin("/readyz").await, (200, "ready\n".to_owned()));
    gateway.give_keys(|_| keys_answer(key_list(2)));
    fetched(&relay, "too_soon", 1).await;
    let (status, text) = relay.admin("/readyz").await;
    assert_eq!(status, 200);
    assert!(text.contains("gateways[0]: a key list was refused: it changed sooner"), "{text}");
    let mut client = site.client(&relay).await;
    assert_eq!(client.get(KEYS).await.content, key_list(1));
    // Whoever was shown the other list, by this gateway, finds it there.
    let evidence = (vec![hash(&key_list(1))], vec![hash(&key_list(2))]);
    assert_eq!(judged(&text_of(&mut client, LOG).await), evidence);
    fetched(&relay, "too_soon", 2).await;
    assert_eq!(judged(&text_of(&mut client, LOG).await), evidence, "once");
    // The operator knows why, and lets it through.
    site.configure(&format!("{QUICK}\nkey_change_min_hours = 0"), gateway.address);
    relay.process.reload().await;
    fetched(&relay, "changed", 2).await;
    assert_eq!(client.get(KEYS).await.content, key_list(2));
    assert_eq!(verified(&text_of(&mut client, LOG).await), [hash(&key_list(1)), hash(&key_list(2))]);
    assert_eq!(relay.admin("/readyz").await, (200, "ready\n".to_owned()));
}

async fn text_of(client: &mut Client, path: &str) -> String {
    let answer = client.get(path).await;
    assert_eq!(answer.status, 200);
    String::from_utf8(answer.content.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_that_nobody_could_use_are_not_served() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let aes_256_only = [&[0, 41, 1, 0, 0x20][..], &[1; 32], &[0, 4, 0, 1, 0xff, 0xff]].concat();
    let thousands: Vec<u8> = (0..3000).flat_map(|_| key_list(1)).collect();
    let hostile: Vec<(&str, Vec<u8>)> = vec![
        ("application/ohttp-keys", Vec::new()),
        ("application/ohttp-keys", b"garbage".to_vec()),
        ("application/ohttp-keys", key_list(1)[..30].to_vec()),
        ("application/ohttp-keys", [key_list(1), vec![0]].concat()),
        ("application/ohttp-keys", aes_256_only),
        ("application/ohttp-keys", thousands),
        ("application/ohttp-keys", vec![7; 50_000_000]),
        ("text/html", key_list(1)),
    ];
    for (media_type, list) in hostile {
        gateway.give_keys(move |_| Reaction::Answer(answer(200, media_type, list.clone())));
        let (relay, _) = site.relay_to(gateway.address, "").await;
        fetched(&relay, "unusable", 1).await;
        let answer = site.client(&relay).await.get(KEYS).await;
        assert_eq!((answer.status, answer.problem()), (503, "no_key_list".to_owned()));
        let (status, text) = relay.admin("/readyz").await;
        assert_eq!(status, 503);
        assert!(text.contains("gateways[0]: a key list was refused: it is not usable"), "{text}");
    }
    assert_eq!(fs::read(site.path("state/keys/follower.example/log.jsonl")).unwrap(), b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn copies_outlive_their_gateway_and_the_relay() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (mut relay, _) = site.relay_to(gateway.address, "").await;
    fetched(&relay, "changed", 1).await;
    drop(gateway);
    relay.process.kill().await;
    let relay = site.start().await;
    fetched(&relay, "unreachable", 1).await;
    let mut client = site.client(&relay).await;
    assert_eq!(client.get(KEYS).await.content, key_list(1));
    assert_eq!(verified(&text_of(&mut client, LOG).await), [hash(&key_list(1))]);
    let (status, text) = relay.admin("/readyz").await;
    assert_eq!(status, 200);
    assert!(text.contains("gateways[0]: the key list could not be fetched"), "{text}");
}

/// Killed at any moment, the relay neither loses a line nor writes one that does not follow; and what it served is there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_neither_cut_nor_fork_the_log() {
    const ROUNDS: u32 = 20;
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let seed = AtomicU8::new(0);
    gateway.give_keys(move |_| keys_answer(key_list(seed.fetch_add(1, SeqCst))));
    site.configure(&format!("{QUICK}\nkey_change_min_hours = 0"), gateway.address);
    let file = site.path("state/keys/follower.example/log.jsonl");
    let (mut before, mut served, mut fetches) = (String::new(), BTreeSet::new(), 0);
    for round in 0..ROUNDS {
        let mut relay = site.start().await;
        fetches += 1;
        gateway.has_arrivals(&Method::GET, fetches).await;
        if round % 4 == 3 {
            // What a client was given must be there afterwards.
            fetched(&relay, "changed", 1).await;
            let answer = site.client(&relay).await.get(KEYS).await;
            assert_eq!(answer.status, 200);
            served.insert(hash(&answer.content));
        } else {
            // From the gateway's answer on, through its recording, to its being served: ever later.
            tokio::time::sleep(Duration::from_micros(u64::from(round) * 500)).await;
        }
        relay.process.kill().await;
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with(&before), "a line is gone:\n{before}\n---\n{text}");
        // A line that is not whole names a list that nobody was given.
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        verified(whole);
        before = whole.to_owned();
    }
    let relay = site.start().await;
    fetched(&relay, "changed", 1).await;
    let mut client = site.client(&relay).await;
    // Before the log: a second later there is another list.
    let last = client.get(KEYS).await.content;
    let log = text_of(&mut client, LOG).await;
    assert!(log.starts_with(&before));
    let lines = verified(&log);
    let lists: BTreeSet<_> = lines.iter().cloned().collect();
    assert_eq!(lines.len(), lists.len(), "each list was another one");
    assert_eq!(served.len(), 5);
    assert!(served.is_subset(&lists), "{served:?} {lists:?}");
    assert!(lists.contains(&hash(&last)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_somebody_changed_stops_the_relay() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (mut relay, _) = site.relay_to(gateway.address, "").await;
    fetched(&relay, "changed", 1).await;
    // A second relay on the same folder would fork the chain.
    let mut second = Process::serve(&site.path("relay.toml"), &site.path("second.log"));
    assert_eq!(second.ended().await.code(), Some(1));
    assert!(second.logged().contains("in use by another relay"), "{}", second.logged());
    assert!(checked(&site).await.is_ok(), "a relay that serves is no problem of its configuration");
    relay.process.kill().await;
    let file = site.path("state/keys/follower.example/log.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("\"n\":0", "\"n\":1")).unwrap();
    let mut third = Process::serve(&site.path("relay.toml"), &site.path("third.log"));
    assert_eq!(third.ended().await.code(), Some(78));
    assert!(third.logged().contains("line 1 of the key log does not follow"), "{}", third.logged());
    let said = checked(&site).await.unwrap_err();
    assert!(said.contains("relay.state_path") && said.contains("line 1 of the key log does not follow"), "{said}");
}

/// What `config check` complains of, if it does.
async fn checked(site: &Site) -> Result<(), String> {
    let file = site.path("relay.toml");
    let words = ["config", "check", "--config"].map(OsStr::new);
    let output = run(&[&words[..], &[file.as_os_str()]].concat()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    if output.status.success() { Ok(()) } else { Err(said) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anybody_can_read_the_log() {
    let site = Site::new();
    let gateway = Gateway::start(&site.pki, &[b"h2"]).await;
    let (relay, _) = site.relay_to(gateway.address, "").await;
    fetched(&relay, "changed", 1).await;
    let answer = site.old_client(&relay).await.get(LOG).await;
    assert_eq!((answer.status, &answer.fields["content-type"]), (200, &"application/jsonl".parse().unwrap()));
    assert_eq!(verified(std::str::from_utf8(&answer.content).unwrap()), [hash(&key_list(1))]);
    let answer = site.client(&relay).await.get("/v1/relay/other.example/keys").await;
    assert_eq!((answer.status, answer.problem()), (404, "not_found".to_owned()));
}
