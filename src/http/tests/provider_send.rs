//! `POST /v1/send` of the provider listener.

use super::{
    Call, House, application, assert_all_malformed, assert_media_type_is_checked, assert_peers_are_checked, malformed,
};
use crate::{
    client::ProblemCode,
    fixtures::{mls, requests},
    service::setup::{START, key},
    wire::{SendResponse, decode},
};

const PATH: &str = "/v1/send";

#[tokio::test]
async fn a_message_is_answered_with_its_receipt() {
    let house = House::new();
    let group = house.setup.group().await;
    let answer = Call::provider(PATH, application(&group, b"text")).answer(&house).await;
    answer.assert_ok();
    let response: SendResponse = decode(&answer.body).unwrap();
    assert_eq!(response, SendResponse { accepted_ms: START, index: 0, commits_before: 0 });
    assert_eq!(house.messages(&group, 0).await, 1);
}

/// A peer's users are its own business: whom it names means nothing here.
#[tokio::test]
async fn who_acts_for_a_peer_is_not_asked() {
    let house = House::new();
    let group = house.setup.group().await;
    for call in [
        Call::provider(PATH, application(&group, b"one")),
        Call::provider(PATH, application(&group, b"two")).with("ds-user", "no byte sequence"),
        Call::provider(PATH, application(&group, b"three")).with("authorization", "Bearer wrong"),
    ] {
        call.answer(&house).await.assert_ok();
    }
}

#[tokio::test]
async fn peer_media_type_and_body_are_checked() {
    let house = House::new();
    let group = house.setup.group().await;
    let body = application(&group, b"text");
    let call = Call::provider(PATH, body.clone());
    assert_peers_are_checked(&house, &call).await;
    assert_all_malformed(&house, &call, malformed(&body, 4, Some(0))).await;
    assert_eq!(house.messages(&group, 0).await, 0);
    assert_media_type_is_checked(&house, &call).await;
}

/// A hub forwards nothing for its peers: groups of other hubs are unknown here.
#[tokio::test]
async fn groups_of_other_hubs_are_unknown() {
    let house = House::new();
    for group in [b"mimi://third.example/g/AAECAwQFBgcICQoLDA0ODw".as_slice(), b"mimi://hub.example/g/none"] {
        let call = Call::provider(PATH, application(group, b"text"));
        call.assert_problem(&house, ProblemCode::UnknownGroup).await;
    }
}

#[tokio::test]
async fn expectations_are_heeded() {
    let house = House::new();
    let group = house.setup.group().await;
    let commit = |text: &[u8], expect| {
        let message = mls::commit(&group, 0, text);
        let body = requests::send_commit(&message, key(0), key(1), &requests::Attached::default());
        Call::provider(PATH, body).with("ds-expect-commit", expect)
    };
    commit(b"first", "none").answer(&house).await.assert_ok();
    commit(b"second", "none").assert_problem(&house, ProblemCode::CommitConflict).await;
    commit(b"second", "zero").assert_problem(&house, ProblemCode::Malformed).await;
    commit(b"second", "0").answer(&house).await.assert_ok();
}
