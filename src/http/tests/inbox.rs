//! `POST /v1/welcome-init` and `POST /v1/welcome` of the provider listener, `POST /v1/local/{inbox, inbox-ack}`.

use std::time::Duration;

use super::{
    Call, House, assert_all_malformed, assert_local_access_is_checked, assert_media_type_is_checked,
    assert_peers_are_checked,
};
use crate::{
    client::{ProblemCode, key_package_ref},
    fixtures::{
        key_packages::Device,
        mls::{self, vector},
    },
    service::setup::START,
    wire::{InboxResponse, WelcomeDecision, WelcomeInitResponse, decode},
};

const INIT: &str = "/v1/welcome-init";
const WELCOME: &str = "/v1/welcome";
const INBOX: &str = "/v1/local/inbox";
const ACK: &str = "/v1/local/inbox-ack";
const CLIENT: [u8; 16] = [7; 16];

/// The ref of a KeyPackage that the user has uploaded.
async fn uploaded(house: &House) -> Vec<u8> {
    let package = Device::new(mls::SUITE).one_time(START / 1000);
    let body = [CLIENT.as_slice(), &vector(&package)].concat();
    Call::local("/v1/local/upload-key-packages", body).answer(house).await.assert_ok();
    key_package_ref(&decode(&package).unwrap()).unwrap().0
}

fn init(reference: &[u8]) -> Vec<u8> {
    vector(&vector(reference))
}

fn push(ticket: &[u8], reference: &[u8]) -> Vec<u8> {
    [vector(ticket), mls::welcome(mls::SUITE, &[reference]), vec![0]].concat()
}

fn fetch(after: u64) -> Vec<u8> {
    [CLIENT.as_slice(), &after.to_be_bytes()].concat()
}

fn acknowledge(number: u64, outcome: u8) -> Vec<u8> {
    [CLIENT.as_slice(), &number.to_be_bytes(), &[outcome]].concat()
}

async fn decisions(house: &House, reference: &[u8]) -> WelcomeInitResponse {
    let answer = Call::provider(INIT, init(reference)).answer(house).await;
    answer.assert_ok();
    decode(&answer.body).unwrap()
}

async fn inbox(house: &House, after: u64) -> InboxResponse {
    let answer = Call::local(INBOX, fetch(after)).answer(house).await;
    answer.assert_ok();
    decode(&answer.body).unwrap()
}

#[tokio::test]
async fn a_welcome_is_asked_for_delivered_fetched_and_acknowledged() {
    let house = House::new();
    let reference = uploaded(&house).await;
    let response = decisions(&house, &reference).await;
    assert_eq!(response.decisions, [WelcomeDecision::Accepted]);
    let call = Call::provider(WELCOME, push(&response.welcome_ticket, &reference));
    for _repetition in 0..2 {
        let answer = call.answer(&house).await;
        answer.assert_ok();
        assert!(answer.body.is_empty());
    }
    let InboxResponse { entries, more: false } = inbox(&house, 0).await else { panic!("one page") };
    let [entry] = &entries[..] else { panic!("once: {entries:?}") };
    assert_eq!(entry.hub.as_str(), "follower.example");
    assert_eq!(entry.welcome.bytes()[..], mls::welcome(mls::SUITE, &[&reference]));
    assert!(inbox(&house, entry.number).await.entries.is_empty());
    let other = Call::local(INBOX, fetch(0)).acting_as("somebody else").answer(&house).await;
    assert_eq!(decode::<InboxResponse>(&other.body).unwrap().entries, []);
    for _repetition in 0..2 {
        let answer = Call::local(ACK, acknowledge(entry.number, 1)).answer(&house).await;
        answer.assert_ok();
        assert!(answer.body.is_empty());
    }
    assert!(inbox(&house, 0).await.entries.is_empty());
    assert_eq!(decisions(&house, &reference).await.decisions, [WelcomeDecision::AlreadyUsed]);
}

#[tokio::test]
async fn a_wait_is_answered_by_a_delivery() {
    let house = House::new();
    let reference = uploaded(&house).await;
    let ticket = decisions(&house, &reference).await.welcome_ticket;
    let call = Call::local(INBOX, fetch(0)).with("prefer", "wait=50");
    let delivering = async {
        house.setup.await_waiting(1).await;
        Call::provider(WELCOME, push(&ticket, &reference)).answer(&house).await.assert_ok();
    };
    let both = async { tokio::join!(call.answer(&house), delivering) };
    let (answer, ()) = tokio::time::timeout(Duration::from_secs(9), both).await.unwrap();
    assert_eq!(decode::<InboxResponse>(&answer.body).unwrap().entries.len(), 1);
}

#[tokio::test]
async fn a_bad_ticket_is_a_problem_of_its_own() {
    let house = House::new();
    let reference = uploaded(&house).await;
    let refused = ProblemCode::WelcomeRefused;
    Call::provider(WELCOME, push(&[9; 16], &reference)).assert_problem(&house, refused).await;
}

/// Cut anywhere, and one byte more.
fn cut(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants: Vec<_> = (0..body.len()).map(|end| (format!("cut at {end}"), body[..end].to_vec())).collect();
    variants.push(("one byte more".to_owned(), [body, &[0]].concat()));
    variants
}

#[tokio::test]
async fn access_media_type_and_body_are_checked() {
    let house = House::new();
    let reference = uploaded(&house).await;
    for (path, body) in [(INIT, init(&reference)), (WELCOME, push(&[9; 16], &reference))] {
        let call = Call::provider(path, body.clone());
        assert_peers_are_checked(&house, &call).await;
        assert_media_type_is_checked(&house, &call).await;
        assert_all_malformed(&house, &call, cut(&body)).await;
    }
    let outcomes = [0, 3, 0xff].map(|outcome| (format!("outcome {outcome}"), acknowledge(1, outcome)));
    for (path, body, more) in [(INBOX, fetch(0), vec![]), (ACK, acknowledge(1, 2), outcomes.to_vec())] {
        let call = Call::local(path, body.clone());
        assert_local_access_is_checked(&house, &call).await;
        assert_media_type_is_checked(&house, &call).await;
        assert_all_malformed(&house, &call, [cut(&body), more].concat()).await;
    }
    // Of other wire formats and with tickets of other lengths.
    let good = push(&[9; 16], &reference);
    let ticket = |length: usize| [vector(&vec![9; length]), good[17..].to_vec()].concat();
    let mut group_info = good.clone();
    group_info[20] = 4;
    let variants = [("short", ticket(15)), ("long", ticket(17)), ("none", ticket(0)), ("a GroupInfo", group_info)];
    let variants = variants.map(|(name, body)| (name.to_owned(), body)).to_vec();
    assert_all_malformed(&house, &Call::provider(WELCOME, ""), variants).await;
    Call::provider(INIT, vec![0; 10 << 20]).assert_problem(&house, ProblemCode::TooLarge).await;
    assert_eq!(inbox(&house, 0).await, InboxResponse::default());
}
