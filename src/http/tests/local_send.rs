//! `POST /v1/send` of the local listener.

use axum::http::StatusCode;

use super::{
    Bounds, Call, House, application, assert_all_malformed, assert_local_access_is_checked,
    assert_media_type_is_checked, malformed,
};
use crate::{
    client::ProblemCode,
    fixtures::{mls, requests},
    sequencer::{Policy, SizeLimits},
    service::{
        Limits,
        setup::{START, key},
    },
    wire::{SendResponse, decode},
};

const PATH: &str = "/v1/send";

#[tokio::test]
async fn a_message_is_answered_with_its_receipt() {
    let house = House::new();
    let group = house.setup.group().await;
    for index in 0..2 {
        let answer = Call::local(PATH, application(&group, &[index])).answer(&house).await;
        answer.assert_ok();
        let response: SendResponse = decode(&answer.body).unwrap();
        assert_eq!(response, SendResponse { accepted_ms: START, index: index.into(), commits_before: 0 });
        assert_eq!(answer.body.len(), 16);
    }
    // The same again is the same.
    let answer = Call::local(PATH, application(&group, &[0])).acting_as("another").answer(&house).await;
    assert_eq!(decode::<SendResponse>(&answer.body).unwrap().index, 0);
    assert_eq!(house.messages(&group, 0).await, 2);
}

#[tokio::test]
async fn access_and_media_type_come_first() {
    let house = House::new();
    let group = house.setup.group().await;
    let call = Call::local(PATH, application(&group, b"text"));
    assert_media_type_is_checked(&house, &call).await;
    assert_local_access_is_checked(&house, &call).await;
}

#[tokio::test]
async fn malformed_bodies_change_nothing() {
    let house = House::new();
    let group = house.setup.group().await;
    let application = application(&group, b"text");
    let commit = mls::commit(&group, 0, b"text");
    let commit = requests::send_commit(&commit, key(0), key(1), &requests::Attached::default());
    let public = mls::public_commit(&group, 0, b"signature");
    let public = requests::send_commit(&public, key(0), key(1), &requests::Attached::default());
    for body in [&application, &commit, &public] {
        assert_all_malformed(&house, &Call::local(PATH, ""), malformed(body, 4, Some(0))).await;
    }
    // A commit without what comes with it, an application message with it, and one in clear.
    let message = mls::commit(&group, 0, b"text");
    let naked = requests::send(&message, key(0));
    let dressed = [application.clone(), key(1).to_vec(), vec![0, 0]].concat();
    let mut clear = mls::public_commit(&group, 0, b"signature");
    let content_type = 4 + 1 + group.len() + 8 + 5 + 1;
    assert_eq!(clear[content_type], 3);
    clear[content_type] = 1;
    let clear = requests::send(&clear, key(0));
    let variants = [("naked", naked), ("dressed", dressed), ("clear", clear)];
    assert_all_malformed(&house, &Call::local(PATH, ""), variants.map(|(name, body)| (name.to_owned(), body)).into())
        .await;
    assert_eq!(house.messages(&group, 0).await, 0);
}

#[tokio::test]
async fn an_unknown_group_is_not_found() {
    let house = House::new();
    let group = house.setup.group().await;
    for unknown in [b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw".as_slice(), b"", b"no uri", &group[1..]] {
        let call = Call::local(PATH, application(unknown, b"text"));
        call.assert_problem(&house, ProblemCode::UnknownGroup).await;
    }
}

/// The hub is read from the group id; there is no way to one that is no peer.
#[tokio::test]
async fn a_group_of_an_unknown_hub_is_refused() {
    let house = House::new();
    let group = b"mimi://stranger.example/g/AAECAwQFBgcICQoLDA0ODw";
    let answer = Call::local(PATH, application(group, b"text")).answer(&house).await;
    answer.assert_problem(ProblemCode::UnknownProvider);
}

#[tokio::test]
async fn the_expectation_is_none_or_an_index_and_goes_with_a_commit() {
    let house = House::new();
    let group = house.setup.group().await;
    let commit = |text: &[u8]| {
        let message = mls::commit(&group, 0, text);
        Call::local(PATH, requests::send_commit(&message, key(0), key(1), &requests::Attached::default()))
    };
    for wrong in ["", "None", "no", "-1", "+1", "01", "1.0", "4294967296", "1,2", "\"none\"", "?0"] {
        let call = commit(b"refused").with("ds-expect-commit", wrong);
        call.assert_problem(&house, ProblemCode::Malformed).await;
    }
    let twice = commit(b"refused").with("ds-expect-commit", "none").and("ds-expect-commit", "none");
    twice.assert_problem(&house, ProblemCode::Malformed).await;
    for value in ["none", "0"] {
        let call = Call::local(PATH, application(&group, b"text")).with("ds-expect-commit", value);
        call.assert_problem(&house, ProblemCode::Malformed).await;
    }
    assert_eq!(house.messages(&group, 0).await, 0);

    commit(b"first").with("ds-expect-commit", "none").answer(&house).await.assert_ok();
    let conflict = ProblemCode::CommitConflict;
    commit(b"second").with("ds-expect-commit", "none").assert_problem(&house, conflict).await;
    commit(b"second").with("ds-expect-commit", " 0 ").answer(&house).await.assert_ok();
    commit(b"third").with("ds-expect-commit", "0").assert_problem(&house, conflict).await;
    commit(b"third").with("ds-expect-commit", "4294967295").answer(&house).await.assert_ok();
    commit(b"first").with("ds-expect-commit", "none").answer(&house).await.assert_ok();
    commit(b"fourth").answer(&house).await.assert_ok();
    assert_eq!(house.messages(&group, 0).await, 4);
}

/// Over a size: the answer names which size, and how much it is.
#[tokio::test]
async fn what_is_too_large_is_told_the_limit() {
    let sizes = SizeLimits { application: 1001, handshake: 2002, welcome: 3003, group_info: 4004 };
    let bounds = Bounds { request_bytes_max: 20_005, ..Bounds::default() };
    let house = House::with(Policy { sizes, ..Policy::default() }, Limits::default(), bounds);
    let group = house.setup.group().await;
    let commit = |payload, group_info, welcome| {
        let attached = requests::Attached {
            group_info: Some(mls::group_info(&group, 1, mls::SUITE, Some(&vec![0; group_info]))),
            welcome_data: Some(requests::welcome_data(
                &mls::welcome(mls::SUITE, &[&vec![0; welcome]]),
                &["hub.example"],
            )),
        };
        requests::send_commit(&mls::commit(&group, 0, &vec![0; payload]), key(0), key(1), &attached)
    };
    for (body, limit) in [
        (application(&group, &[0; 1001]), "1001 "),
        (commit(2002, 0, 0), "2002 "),
        (commit(0, 0, 3003), "3003 "),
        (commit(0, 4004, 0), "4004 "),
        (application(&group, &[0; 20_005]), "20005 "),
    ] {
        let document = Call::local(PATH, body).assert_problem(&house, ProblemCode::TooLarge).await;
        assert!(document["detail"].as_str().unwrap().contains(limit), "{document}");
    }
    // To the byte.
    let largest = 1001 - mls::application(&group, 0, &[0; 100]).len() + 100;
    let answer = Call::local(PATH, application(&group, &vec![0; largest])).answer(&house).await;
    assert_eq!(answer.status, StatusCode::OK);
    Call::local(PATH, application(&group, &vec![0; largest + 1])).assert_problem(&house, ProblemCode::TooLarge).await;
}
