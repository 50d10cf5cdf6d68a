//! What two providers leave behind when they talk as much as they can: logs without anybody in them, and databases
//! without keys and users.

use std::{fs, path::Path, time::Duration};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use restante::{
    client::http::{
        Channel, ChannelRequest, DeliveryService, Limits, LocalAddress, LocalClient, Operation, ServiceToken, UserId,
    },
    mls::{CipherSuite, ProtocolVersion},
    wire::{
        BearerToken, BearerTokenKind, CreateGroupRequest, KeyPackageRequest, KeyPackageRequests, KeyPackageStatus,
        MintTokenRequest, PartitionKey, decode, encode,
    },
};
use sha2::{Digest, Sha256};

use crate::{
    fixtures::{
        mls,
        requests::{self, Attached, CreateGroup},
    },
    https::Place,
    oblivious::sealed::{encapsulate_for, open},
    pki::self_signed,
    site::{FOLLOWER, HUB, Provider, Setting, Site, files, token_of},
};

const KEYS: [[u8; 16]; 4] = [*b"canary-key-zero-", *b"canary-key-one--", *b"canary-key-orph-", *b"canary-key-read-"];
const PAYLOAD: &[u8] = b"canary payload that is ciphertext";
const ALICE: &str = "canary-user-alice";
const BOB: &str = "canary-user-bob";
const WRONG_TOKEN: &str = "canary-token-that-is-wrong";

/// The forms in which somebody might have written it down.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let base64 = |offset: usize| {
        // In the middle of something longer the letters depend on where it begins; those at the edges are shared.
        let padded = STANDARD.encode([&vec![0; offset][..], secret].concat());
        let (start, end) = (if offset == 0 { 0 } else { 4 }, padded.trim_end_matches('=').len() - 2);
        padded.as_bytes()[start..end].to_vec()
    };
    vec![
        secret.to_vec(),
        hex::encode(secret).into_bytes(),
        hex::encode_upper(secret).into_bytes(),
        base64(0),
        base64(1),
        base64(2),
        URL_SAFE_NO_PAD.encode(secret).into_bytes(),
        format!("{secret:?}").trim_matches(['[', ']']).as_bytes().to_vec(),
    ]
}

pub(crate) fn occurs(content: &[u8], secret: &[u8]) -> bool {
    forms(secret).iter().any(|form| content.windows(form.len()).any(|window| window == form.as_slice()))
}

/// One user's way, with whatever token.
fn user(provider: &Provider, token: &str, name: &str) -> DeliveryService<LocalClient> {
    let LocalAddress::Tcp(address) = provider.local else { panic!("loopback") };
    let (token, user) = (ServiceToken::new(token).unwrap(), UserId::new(name.as_bytes()).unwrap());
    DeliveryService::new(LocalClient::new(LocalAddress::Tcp(address), token, user, Limits::default()))
}

/// Good requests at both providers, with every secret in them.
async fn talk(hub: &Provider, follower: &Provider) -> Vec<u8> {
    let (alice, bob) = (user(hub, &token_of(HUB), ALICE), user(follower, &token_of(FOLLOWER), BOB));
    let group = alice.mint_group_id().await.unwrap().group_id;
    let request: CreateGroupRequest = decode(&CreateGroup::bare(&group, KEYS[0]).encode()).unwrap();
    alice.create_group(&request).await.unwrap();
    let attached = Attached {
        group_info: Some(mls::group_info(&group, 1, mls::SUITE, Some(PAYLOAD))),
        welcome_data: Some(requests::welcome_data(&mls::welcome(mls::SUITE, &[b"reference"]), &[FOLLOWER])),
    };
    let commit = requests::send_commit(&mls::commit(&group, 0, PAYLOAD), KEYS[0], KEYS[1], &attached);
    alice.send_encoded(commit.into(), None).await.unwrap();
    for key in [KEYS[1], KEYS[2]] {
        let message = mls::application(&group, 1, PAYLOAD);
        bob.send_encoded(requests::send(&message, key).into(), None).await.unwrap();
    }
    for key in KEYS {
        let request = decode(&requests::receive(&group, key, 0)).unwrap();
        alice.receive(&request, Duration::ZERO).await.unwrap();
        bob.receive(&request, Duration::from_secs(1)).await.unwrap();
        let literal = requests::receive_literal(key, 0);
        alice.raw(ChannelRequest::new(Operation::ReceiveLiteral, literal.into())).await.unwrap();
    }
    group
}

/// Somebody asks for a user's KeyPackages, with that user's token and with another. There are none. Returns the token.
async fn fetch_key_packages(hub: &Provider) -> BearerToken {
    let alice = user(hub, &token_of(HUB), ALICE);
    let token = alice.mint_token(&MintTokenRequest { kind: BearerTokenKind::Unique }).await.unwrap().token;
    let encoded = encode(&token).unwrap();
    let request = |user: &str, bearer_token: &[u8]| KeyPackageRequest {
        user_id: user.into(),
        bearer_token: bearer_token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    let requests = vec![request(ALICE, &encoded), request(BOB, WRONG_TOKEN.as_bytes())];
    let fetched = alice.fetch_key_packages(&KeyPackageRequests { requests }).await.unwrap();
    let statuses: Vec<_> = fetched.results.iter().map(|result| result.status).collect();
    assert_eq!(statuses, [KeyPackageStatus::Incompatible, KeyPackageStatus::Denied]);
    token
}

/// The public table of a provider whose gateway knows one relay.
fn gateway(id: &str) -> String {
    let own = format!("../pki/{id}");
    format!(
        "[public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
         relay_ca_file = \"../pki/ca.pem\"\nrelays = [\"{FOLLOWER}\"]\nkeys_path = \"gateway-keys\"\n\
         seal_key_file = \"gateway-seal-key\"\n"
    )
}

/// Fetches through the gateway: one that is answered, a copy of it, and others that are refused, each with all that it
/// can hold.
async fn pass_the_gateway(site: &Site, hub: &mut Provider, token: &BearerToken) {
    const GATEWAY: &str = "/.well-known/ohttp-gateway";
    const SEALED: &str = "content-type: message/ohttp-req\r\n";
    let (authority, address) = (site.pki.authority(), hub.process.listening_tcp("public").await);
    let place = Place { authority: &authority, name: HUB, address };
    let list = place.exchange(&format!("GET {GATEWAY}"), "", b"").await;
    assert_eq!(list.status, 200);
    let request = |user: &str, bearer_token: Vec<u8>| KeyPackageRequest {
        user_id: user.into(),
        bearer_token,
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    let requests = vec![request(ALICE, encode(token).unwrap()), request(BOB, WRONG_TOKEN.into())];
    let (encapsulated, context) = encapsulate_for(HUB, &list.body, requests);
    let answer = place.exchange(&format!("POST {GATEWAY}"), SEALED, &encapsulated).await;
    assert_eq!(open(context, &answer).0, 200);
    let mut spoilt = encapsulated.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    let canaries = format!("{SEALED}user-agent: {ALICE}\r\ncookie: {WRONG_TOKEN}\r\nx-forwarded-for: {BOB}\r\n");
    for (line, fields, body, status) in [
        (format!("POST {GATEWAY}"), SEALED, &encapsulated[..], 200),
        (format!("POST {GATEWAY}"), &canaries, &spoilt, 422),
        (format!("POST {GATEWAY}?user={ALICE}"), &canaries, &encapsulated, 200),
        (format!("POST {GATEWAY}"), &canaries["content-type: message/ohttp-req\r\n".len()..], PAYLOAD, 415),
        (format!("POST /{ALICE}/{WRONG_TOKEN}"), &canaries, PAYLOAD, 404),
        (format!("DELETE {GATEWAY}"), &canaries, PAYLOAD, 405),
    ] {
        let answer = place.exchange(&line, fields, body).await;
        assert_eq!(answer.status, status, "{line}");
        for secret in [ALICE, BOB, WRONG_TOKEN] {
            assert!(!occurs(&answer.body, secret.as_bytes()), "{}", String::from_utf8_lossy(&answer.body));
        }
    }
}

/// What every provider of this test says at the highest level, and what only one of them has reason to say.
const BOTH_SAY: [&str; 8] = [
    "starting",
    "database opened",
    "connection opened",
    "request answered",
    "batch committed",
    "no timer is due",
    "connection closed",
    "drained",
];
const HUB_SAYS: [&str; 4] = ["gateway opened", "a TLS handshake failed", "partition read", "KeyPackages fetched"];
const FOLLOWER_SAYS: [&str; 1] = ["request forwarded"];

/// Below `info` events have no words but those that stand in the program's text.
fn assert_closed(event: &serde_json::Value) {
    const LISTENERS: [&str; 3] = ["provider", "public", "local"];
    const CLASSES: [&str; 4] = ["2xx", "4xx", "5xx", "other"];
    const FORWARDED: [&str; 6] = ["unknown_peer", "connect", "tls", "timeout", "broken", "response_too_large"];
    const VISITS: [&str; 6] = ["nothing", "none_accepted", "not_answered", "taken", "refused", "not_taken"];
    const PUSHES: [&str; 4] = ["done", "more", "refused", "unreached"];
    let known = [&LISTENERS[..], &CLASSES, &FORWARDED, &VISITS, &PUSHES].concat();
    let is_known = |word: &str| {
        known.contains(&word) || word == "gateway" || Operation::ALL.iter().any(|known| known.path() == word)
    };
    for (name, value) in event.as_object().unwrap() {
        let is_of_every_event = matches!(name.as_str(), "timestamp" | "level" | "target" | "message");
        let is_closed = value.is_number() || value.is_boolean() || value.as_str().is_some_and(is_known);
        assert!(is_of_every_event || is_closed, "{event}");
    }
}

/// There is something to search: an event of each kind, and each as it should be.
fn assert_talkative(log: &[u8], expected: &[&str]) {
    let lines = std::str::from_utf8(log).unwrap().lines();
    let events: Vec<serde_json::Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    for message in expected {
        assert!(events.iter().any(|event| event["message"] == *message), "nothing says {message:?}");
    }
    events.iter().filter(|event| event["level"] == "DEBUG" || event["level"] == "TRACE").for_each(assert_closed);
    let answered =
        |class: &str| events.iter().any(|event| event["message"] == "request answered" && event["status"] == *class);
    assert!(answered("2xx") && answered("4xx"));
}

/// Bad ones, each with all that it can hold.
async fn misbehave(site: &Site, hub: &Provider, follower: &Provider, group: &[u8]) {
    let good = requests::send(&mls::application(group, 1, PAYLOAD), KEYS[1]);
    let stranger = requests::send(&mls::application(b"mimi://stranger.example/g/x", 1, PAYLOAD), KEYS[1]);
    let foreign =
        requests::send(&mls::application(b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw", 1, PAYLOAD), KEYS[1]);
    let bodies: [Vec<u8>; 7] = [
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), PAYLOAD].concat(),
        KEYS.concat(),
        requests::send(&mls::commit(group, 1, PAYLOAD), KEYS[1]),
        stranger,
        foreign,
        requests::send(&mls::application(group, 1, &PAYLOAD.repeat(10_000)), KEYS[1]),
    ];
    for provider in [hub, follower] {
        for (token, name) in [(token_of(&provider.id), ALICE), (WRONG_TOKEN.into(), BOB)] {
            let person = user(provider, &token, name);
            for body in &bodies {
                for operation in [Operation::Send, Operation::Receive, Operation::CreateGroup, Operation::Push] {
                    let answer = person.raw(ChannelRequest::new(operation, body.clone().into())).await.unwrap();
                    assert!(!answer.status.is_success());
                    for secret in [&KEYS[1][..], PAYLOAD, ALICE.as_bytes(), WRONG_TOKEN.as_bytes(), group] {
                        assert!(!occurs(&answer.body, secret), "{}", String::from_utf8_lossy(&answer.body));
                    }
                }
            }
        }
    }
    // Certificates that are refused, in TLS and behind it.
    for identity in [site.pki.identity(HUB), self_signed("canary-stranger.example")] {
        let client = site.pki.client(&identity, HUB, hub.provider);
        let request = ChannelRequest::new(Operation::Send, good.clone().into());
        let _ = client.peer(&HUB.parse().unwrap()).unwrap().post(request).await;
    }
}

pub(crate) fn assert_absent(what: &str, content: &[u8], secrets: &[(&str, Vec<u8>)]) {
    for (name, secret) in secrets {
        assert!(!occurs(content, secret), "{what} holds {name}");
    }
}

pub(crate) fn contents(folder: &Path) -> Vec<u8> {
    files(folder).iter().flat_map(|path| fs::read(path).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_in_the_logs_and_no_key_is_in_the_databases() {
    let site = Site::new(&[]).await;
    let setting = Setting { log: "trace", more: gateway(HUB), ..Setting::new(HUB) };
    let mut hub = site.start(&setting).await;
    let setting = Setting { log: "trace", ..Setting::new(FOLLOWER).peer(HUB, hub.provider) };
    let mut follower = site.start(&setting).await;
    let group = talk(&hub, &follower).await;
    let bearer_token = fetch_key_packages(&hub).await;
    pass_the_gateway(&site, &mut hub, &bearer_token).await;
    misbehave(&site, &hub, &follower, &group).await;
    // The hub ends, in order so that it has said everything, and the follower notices.
    hub.process.terminate().await;
    assert_eq!(hub.process.ended().await.code(), Some(0));
    let request = requests::send(&mls::application(&group, 1, PAYLOAD), KEYS[1]);
    let bob = user(&follower, &token_of(FOLLOWER), BOB);
    assert!(bob.send_encoded(request.into(), None).await.is_err());
    follower.process.terminate().await;
    assert_eq!(follower.process.ended().await.code(), Some(0));

    let mut keys: Vec<(&str, Vec<u8>)> = KEYS.iter().map(|key| ("a partition key", key.to_vec())).collect();
    keys.extend([("a user", ALICE.into()), ("a user", BOB.into()), ("a wrong token", WRONG_TOKEN.into())]);
    keys.extend([HUB, FOLLOWER].map(|id| ("a service token", token_of(id).into_bytes())));
    keys.push(("the tag of a bearer token", bearer_token.tag.to_vec()));
    let mut all = keys.clone();
    // It is kept, to revoke the token.
    all.push(("the handle of a bearer token", bearer_token.handle.clone()));
    all.extend(KEYS.iter().map(|key| ("a masked key", PartitionKey::new(*key).masked().as_bytes().to_vec())));
    all.extend([
        ("a payload", PAYLOAD.to_vec()),
        ("a group id", group.clone()),
        ("the random part of a group id", group[group.len() - 22..].to_vec()),
        ("a hashed group id", Sha256::digest(&group).to_vec()),
        ("a peer", HUB.into()),
        ("a peer", FOLLOWER.into()),
        ("a stranger", b"stranger.example".to_vec()),
        ("an address", b"127.0.0.1".to_vec()),
    ]);
    for provider in [&hub, &follower] {
        let log = fs::read(site.log(&provider.id)).unwrap();
        let own = if provider.id == HUB { &HUB_SAYS[..] } else { &FOLLOWER_SAYS[..] };
        assert_talkative(&log, &[&BOTH_SAY[..], own].concat());
        let is_public = |line: &str| line.contains("\"listener\":\"public\"") && line.contains("request answered");
        assert_eq!(String::from_utf8_lossy(&log).lines().any(is_public), provider.id == HUB);
        assert_absent("the log", &log, &all);
        // Standard output has the addresses of the listeners, which is what it is for.
        let printed = provider.process.printed.join("\n").into_bytes();
        assert_absent("standard output", &printed, &all[..all.len() - 1]);
        let database = contents(&site.database(&provider.id));
        assert_absent("the database", &database, &keys);
    }
    // The search finds what is there.
    let database = contents(&site.database(HUB));
    assert!(occurs(&database, PAYLOAD) && occurs(&database, &group) && occurs(&database, &Sha256::digest(&group)));
}
