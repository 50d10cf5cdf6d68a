//! What goes wrong, by mistake and by malice, each with all that it can hold.

use restante::{
    client::http::{Channel, ChannelRequest, ChannelResponse, Operation},
    wire::BearerToken,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    evidence::{Evidence, Place},
    good::{CIPHERTEXT, KEYS, bundle},
    stage::{ALICE, BOB, FORWARDED_FOR, Stage, WRONG_TOKEN, way},
};
use crate::{
    fixtures::{mls, requests},
    https::{Answer, Place as Server},
    oblivious::sealed::{encapsulate_for, open},
    pki::self_signed,
    process::PATIENCE,
    relay::RELAY,
    site::{FOLLOWER, HUB, token_of},
};

const GATEWAY: &str = "/.well-known/ohttp-gateway";
const SEALED: &str = "content-type: message/ohttp-req\r\n";

/// Fields in which somebody says more than they should.
fn telltale() -> String {
    format!("user-agent: {ALICE}\r\ncookie: {WRONG_TOKEN}\r\nx-forwarded-for: {FORWARDED_FOR}\r\nreferer: {BOB}\r\n")
}

/// Bodies for all operations on both listeners of both providers: cut off, too long, of no group, of no hub that is known,
/// too large.
pub(super) async fn misbehave(stage: &Stage, group: &[u8], evidence: &mut Evidence) {
    let good = requests::send(&mls::application(group, 1, CIPHERTEXT), KEYS[1]);
    let stranger = requests::send(&mls::application(b"mimi://stranger.example/g/x", 1, CIPHERTEXT), KEYS[1]);
    let foreign =
        requests::send(&mls::application(b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw", 1, CIPHERTEXT), KEYS[1]);
    let bodies: [Vec<u8>; 8] = [
        good[..good.len() - 1].to_vec(),
        [good.as_slice(), CIPHERTEXT].concat(),
        KEYS.concat(),
        requests::send(&mls::commit(group, 1, CIPHERTEXT), KEYS[1]),
        stranger,
        foreign,
        requests::send(&mls::application(group, 1, &CIPHERTEXT.repeat(10_000)), KEYS[1]),
        ALICE.into(),
    ];
    for provider in [&stage.hub, &stage.follower] {
        for (token, name) in [(token_of(&provider.id), ALICE), (WRONG_TOKEN.into(), BOB)] {
            let person = way(provider, &token, name);
            // Whoever may is done these two, whatever the body says.
            let heedless = [Operation::RevokeAllTokens, Operation::DeleteAllKeyPackages];
            let operations = Operation::ALL.into_iter().filter(|one| token == WRONG_TOKEN || !heedless.contains(one));
            let operations: Vec<Operation> = operations.collect();
            for body in &bodies {
                for operation in operations.iter().copied() {
                    let answer = person.post(ChannelRequest::new(operation, body.clone().into())).await.unwrap();
                    assert!(!answer.status.is_success(), "{operation:?}");
                    take_note(evidence, &provider.id, &answer);
                }
            }
        }
        // Peers, and those who are none: refused in TLS and behind it.
        let strangers = [stage.site.pki.identity(&provider.id), self_signed("canary-stranger.example")];
        let strangers = strangers.into_iter().map(|identity| (identity, vec![Operation::Send]));
        let peer = (stage.site.pki.identity(other(&provider.id)), Operation::ALL.to_vec());
        for (identity, operations) in strangers.chain([peer]) {
            let client = stage.site.pki.client(&identity, &provider.id, provider.provider);
            for operation in operations {
                for body in &bodies {
                    let request = ChannelRequest::new(operation, body.clone().into());
                    if let Ok(answer) = client.peer(&provider.id.parse().unwrap()).unwrap().post(request).await {
                        take_note(evidence, &provider.id, &answer);
                    }
                }
            }
        }
        for address in [provider.local_tcp(), provider.provider] {
            break_off(address, evidence).await;
        }
    }
    break_off(stage.relay.address, evidence).await;
    break_off(stage.gateway, evidence).await;
}

fn other(id: &str) -> &'static str {
    if id == HUB { FOLLOWER } else { HUB }
}

fn take_note(evidence: &mut Evidence, of: &str, answer: &ChannelResponse) {
    evidence.add(Place::Problem, of, format!("{:?}", answer.headers));
    evidence.add(Place::Problem, of, answer.body.to_vec());
}

pub(super) fn take_note_of(evidence: &mut Evidence, of: &str, answer: Answer) -> u16 {
    evidence.add(Place::Problem, of, answer.head);
    evidence.add(Place::Problem, of, answer.body);
    answer.status
}

/// Exchanges that end in the middle, and such as are none, on a listener with or without TLS.
async fn break_off(address: std::net::SocketAddr, evidence: &mut Evidence) {
    let head = format!("POST /v1/send/{ALICE}?key={WRONG_TOKEN} HTTP/1.1\r\nhost: {BOB}\r\n{}", telltale());
    for text in [
        format!("{head}content-length: 1000\r\n\r\n{ALICE}"),
        format!("{head}{}: {ALICE}\r\n\r\n", WRONG_TOKEN.repeat(4000)),
        format!("{head}\u{7f}{ALICE}\r\n\r\n"),
        format!("{ALICE} {WRONG_TOKEN}\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let talk = async {
            // It may have been cut off by the other end.
            let _ = stream.write_all(text.as_bytes()).await;
            let _ = stream.shutdown().await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            answer
        };
        let answer = tokio::time::timeout(PATIENCE, talk).await.expect("it ends in time");
        evidence.add(Place::Problem, "a listener", answer);
    }
}

/// Requests to the gateway, past the relay and through it: one that is answered, copies, and others that are refused.
pub(super) async fn pass_the_gateway(stage: &Stage, token: &BearerToken, evidence: &mut Evidence) {
    let authority = stage.site.pki.authority();
    let gateway = Server { authority: &authority, name: FOLLOWER, address: stage.gateway };
    let relay = Server { authority: &authority, name: RELAY, address: stage.relay.address };
    let list = gateway.exchange(&format!("GET {GATEWAY}"), "", b"").await;
    assert_eq!(list.status, 200);
    let (encapsulated, context) = encapsulate_for(FOLLOWER, &list.body, bundle(token));
    let answer = gateway.exchange(&format!("POST {GATEWAY}"), SEALED, &encapsulated).await;
    assert_eq!(open(context, &answer).0, 200);
    let mut spoilt = encapsulated.clone();
    *spoilt.last_mut().unwrap() ^= 1;
    let (bare, telltale) = (telltale(), format!("{SEALED}{}", telltale()));
    for (line, fields, body, status) in [
        (format!("POST {GATEWAY}"), SEALED, &encapsulated[..], 200),
        (format!("POST {GATEWAY}"), &telltale, &spoilt, 422),
        (format!("POST {GATEWAY}?user={ALICE}"), &telltale, &encapsulated, 200),
        (format!("POST {GATEWAY}"), &bare, CIPHERTEXT, 415),
        (format!("POST /{ALICE}/{WRONG_TOKEN}"), &telltale, CIPHERTEXT, 404),
        (format!("DELETE {GATEWAY}"), &telltale, CIPHERTEXT, 405),
    ] {
        let answer = gateway.exchange(&line, fields, body).await;
        assert_eq!(take_note_of(evidence, FOLLOWER, answer), status, "{line}");
    }
    let good = format!("proxy-authorization: Bearer {}\r\n{telltale}", stage.relay.token);
    let wrong = format!("proxy-authorization: Bearer {WRONG_TOKEN}\r\n{telltale}");
    let through = format!("POST /v1/relay/{FOLLOWER}");
    for (line, fields, body, status) in [
        (through.clone(), &good, &spoilt[..], 422),
        (through.clone(), &wrong, &encapsulated[..], 401),
        (through.clone(), &good, CIPHERTEXT, 422),
        (format!("POST /v1/relay/stranger.example/{ALICE}"), &good, CIPHERTEXT, 404),
        (format!("POST /v1/relay/stranger.example?user={ALICE}"), &good, CIPHERTEXT, 404),
    ] {
        let answer = relay.exchange(&line, fields, body).await;
        let answered = take_note_of(evidence, RELAY, answer);
        assert_eq!(answered / 100, status / 100, "{line}: {answered}");
    }
}

/// The hub's disk is full: sends until it says so, and once more.
pub(super) async fn fill_the_disk(stage: &Stage, group: &[u8], evidence: &mut Evidence) {
    const ATTEMPTS_MAX: usize = 2000;
    let alice = way(&stage.hub, &token_of(HUB), ALICE);
    let mut failed = 0;
    for attempt in 0..ATTEMPTS_MAX {
        let payload = [&CIPHERTEXT.repeat(100)[..], &attempt.to_be_bytes()].concat();
        let request = requests::send(&mls::application(group, 1, &payload), KEYS[1]);
        let answer = alice.post(ChannelRequest::new(Operation::Send, request.into())).await.unwrap();
        if !answer.status.is_success() {
            assert_eq!(answer.status, 503);
            take_note(evidence, HUB, &answer);
            failed += 1;
        }
        if failed == 2 {
            return;
        }
    }
    panic!("the limit is not in force");
}
