//! `POST /v1/receive` of the local listener.

use axum::http::StatusCode;

use super::{
    Answer, Call, House, application, assert_all_malformed, assert_local_access_is_checked,
    assert_media_type_is_checked, malformed,
};
use crate::{
    client::ProblemCode,
    fixtures::{
        mls,
        requests::{self, receive},
    },
    sequencer::Policy,
    service::{
        Limits,
        setup::{Setup, commit, key, say, texts_of, user},
    },
    wire::{ReceiveResponse, decode},
};

const PATH: &str = "/v1/receive";

fn response(answer: &Answer) -> ReceiveResponse {
    answer.assert_ok();
    decode(&answer.body).unwrap()
}

/// First index, next index, more.
fn places(answer: &Answer) -> (&str, &str, Option<&str>) {
    let place = |name| answer.header(name).expect("in every answer");
    (place("ds-first-index"), place("ds-next-index"), answer.header("ds-more"))
}

async fn ask(house: &House, group: &[u8], number: u8, counter: u32) -> Answer {
    Call::local(PATH, receive(group, key(number), counter)).answer(house).await
}

async fn with_messages(setup: &Setup, count: usize) -> Vec<u8> {
    let group = setup.group().await;
    for number in 0..count {
        setup.send(user("alice"), say(&group, 0, &format!("number {number}"))).await.unwrap();
    }
    group
}

#[tokio::test]
async fn the_headers_say_where_the_answer_stands() {
    let house = House::new();
    let group = with_messages(&house.setup, 3).await;
    for (counter, count, first, next) in [(0, 3, "0", "3"), (2, 1, "2", "3"), (3, 0, "3", "3"), (7, 0, "7", "7")] {
        let answer = ask(&house, &group, 0, counter).await;
        assert_eq!(response(&answer).epoch.messages.len(), count);
        assert_eq!(places(&answer), (first, next, None), "from {counter}");
    }
    let answer = ask(&house, &group, 0, u32::MAX).await;
    assert_eq!(places(&answer), ("4294967295", "4294967295", None));
}

/// A proposal of a type that nobody here knows, in no known framing: what stands behind it has a page of its own.
#[tokio::test]
async fn a_proposal_without_an_end_is_the_last_of_its_page() {
    let house = House::new();
    let group = house.setup.group().await;
    let proposal = mls::public_proposal(&group, 0, 0xf003, b"\x01\x51\x01\x3a");
    Call::local("/v1/send", requests::send(&proposal, key(0))).answer(&house).await.assert_ok();
    Call::local("/v1/send", application(&group, b"behind")).answer(&house).await.assert_ok();
    let answer = ask(&house, &group, 0, 0).await;
    assert_eq!(places(&answer), ("0", "1", Some("?1")));
    assert_eq!(response(&answer).epoch.messages[0].message.bytes()[..], proposal);
    let answer = ask(&house, &group, 0, 1).await;
    assert_eq!(places(&answer), ("1", "2", None));
    assert_eq!(texts_of(&response(&answer).epoch), ["behind"]);
}

#[tokio::test]
async fn a_page_that_is_not_the_last_says_so() {
    let limits = Limits { page_bytes: 1, ..Limits::default() };
    let house = House::with(Policy::default(), limits, super::Bounds::default());
    let group = with_messages(&house.setup, 3).await;
    for (counter, next, more) in [(0, "1", Some("?1")), (1, "2", Some("?1")), (2, "3", None)] {
        let answer = ask(&house, &group, 0, counter).await;
        assert_eq!(texts_of(&response(&answer).epoch), [format!("number {counter}")]);
        assert_eq!(places(&answer), (&*counter.to_string(), next, more));
    }
}

/// Whatever is not there is answered like a live partition in which nobody has said anything yet: to the byte.
#[tokio::test]
async fn the_unknown_looks_like_the_empty() {
    let house = House::new();
    let group = with_messages(&house.setup, 2).await;
    house.setup.send(user("alice"), commit(&group, 0, 1, "to one")).await.unwrap();
    for counter in [0, 5] {
        let empty = ask(&house, &group, 1, counter).await;
        assert_eq!(empty.body.as_ref(), [0, 0]);
        for (unknown, number) in [
            (group.as_slice(), 9),
            (b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw", 0),
            (b"mimi://hub.example/g/too-short", 0),
            (b"", 0),
            (&[0xff; 1000], 0),
        ] {
            assert_eq!(ask(&house, unknown, number, counter).await, empty);
        }
    }
    // Asking opened nothing.
    assert_eq!(ask(&house, &group, 9, 0).await, ask(&house, &group, 1, 0).await);
}

#[tokio::test]
async fn access_media_type_and_body_are_checked() {
    let house = House::new();
    let group = house.setup.group().await;
    let body = receive(&group, key(0), 0);
    let call = Call::local(PATH, body.clone());
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
    assert_all_malformed(&house, &call, malformed(&body, 0, None)).await;
    // The draft's own form is for another path.
    assert_all_malformed(&house, &call, vec![("literal".to_owned(), body[body.len() - 20..].to_vec())]).await;
    // The group id alone may not fill the memory.
    let document =
        Call::local(PATH, receive(&[0; 17_000], key(0), 0)).assert_problem(&house, ProblemCode::TooLarge).await;
    assert!(document["detail"].as_str().unwrap().contains("16384 "), "{document}");
}

#[tokio::test]
async fn a_group_of_an_unknown_hub_is_refused() {
    let house = House::new();
    let body = receive(b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw", key(0), 0);
    Call::local(PATH, body).assert_problem(&house, ProblemCode::UnknownProvider).await;
}

/// Whether a request with that preference waits for a partition with nothing in it.
async fn waits(house: &House, call: Call) -> bool {
    tokio::select! {
        answer = call.answer(house) => {
            answer.assert_ok();
            false
        }
        () = house.setup.await_waiting(1) => true,
    }
}

#[tokio::test]
async fn preferences_that_ask_to_wait_and_those_that_do_not() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = || Call::local(PATH, receive(&group, key(0), 0));
    assert!(!waits(&house, call()).await);
    for preference in [
        "wait=10",
        "Wait=10",
        "wait = 10",
        "wait=\"10\"",
        "wait=10; because",
        "respond-async, wait=10",
        "wait=10, respond-async",
        "wait=4294967295",
        "wait=10, wait=0",
    ] {
        assert!(waits(&house, call().with("prefer", preference)).await, "{preference}");
        house.setup.await_waiting(0).await;
    }
    assert!(waits(&house, call().with("prefer", "respond-async").and("prefer", "wait=10")).await);
    house.setup.await_waiting(0).await;
    // RFC 7240: what is not understood is passed over.
    for preference in [
        "",
        "wait",
        "wait=",
        "wait=0",
        "wait=-1",
        "wait=1.5",
        "wait=ten",
        "wait=99999999999",
        "waiting=10",
        "x; wait=10",
    ] {
        assert!(!waits(&house, call().with("prefer", preference)).await, "{preference}");
    }
}

#[tokio::test]
async fn a_wait_is_answered_by_what_it_waits_for() {
    let house = House::new();
    let group = with_messages(&house.setup, 1).await;
    let call = Call::local(PATH, receive(&group, key(0), 1)).with("prefer", "wait=50");
    let sending = async {
        house.setup.await_waiting(1).await;
        Call::local("/v1/send", application(&group, b"woken")).answer(&house).await.assert_ok();
    };
    let both = async { tokio::join!(call.answer(&house), sending) };
    let (answer, ()) = tokio::time::timeout(std::time::Duration::from_secs(9), both).await.unwrap();
    assert_eq!(texts_of(&response(&answer).epoch), ["woken"]);
    assert_eq!(places(&answer), ("1", "2", None));
}

#[tokio::test]
async fn too_many_waits_are_refused_for_now() {
    let limits = Limits { waiting_per_provider: 0, ..Limits::default() };
    let house = House::with(Policy::default(), limits, super::Bounds::default());
    let group = house.setup.group().await;
    let call = Call::local(PATH, receive(&group, key(0), 0));
    call.clone().with("prefer", "wait=1").assert_problem(&house, ProblemCode::RateLimited).await;
    assert_eq!(call.answer(&house).await.status, StatusCode::OK);
}

/// What cannot be read is ours to repair; whoever asks is told to come back, and everybody else is served.
#[tokio::test]
async fn a_damaged_message_is_unavailable_and_the_rest_is_served() {
    let house = House::new();
    let (damaged, healthy) = (with_messages(&house.setup, 1).await, with_messages(&house.setup, 1).await);
    let group = crate::sequencer::GroupKey::of(&damaged);
    let partition = crate::wire::PartitionKey::new(key(0)).masked();
    let garbage = crate::store::contract::samples::append(group, partition, 1);
    crate::store::Store::commit(&*house.setup.store, &garbage).unwrap();
    for counter in [0, 1] {
        let call = Call::local(PATH, receive(&damaged, key(0), counter));
        call.assert_problem(&house, ProblemCode::Unavailable).await;
        call.with("prefer", "wait=50").assert_problem(&house, ProblemCode::Unavailable).await;
    }
    response(&ask(&house, &damaged, 0, 2).await);
    assert_eq!(house.messages(&healthy, 0).await, 1);
    Call::local("/v1/send", application(&healthy, b"text")).answer(&house).await.assert_ok();
}

/// Through the binding too: hints are for who presented the keys.
#[tokio::test]
async fn hints_are_for_the_user_who_earned_them() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.send(user("awake"), commit(&group, 0, 1, "to one")).await.unwrap();
    house.setup.send(user("awake"), say(&group, 1, "in one")).await.unwrap();
    let ask = async |name: &str| {
        let call = Call::local(PATH, receive(&group, key(0), 0)).acting_as(name);
        response(&call.answer(&house).await)
    };
    let response = ask("awake").await;
    assert_eq!(texts_of(&response.hints[0].epoch), ["in one"]);
    assert_eq!(ask("removed").await.hints, []);
    assert_eq!(ask("removed").await.epoch, response.epoch);
}
