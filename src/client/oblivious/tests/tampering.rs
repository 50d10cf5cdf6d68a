//! Relays that answer by themselves, and answers that are not ours.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Method, StatusCode};
use ohttp::hpke::Kem;

use super::{
    fetching::{given, giving, package, request},
    gateway::Gateway,
    stage::{Script, Stage, answer, follower},
};
use crate::client::{http::ChannelError, oblivious::FetchError};

fn sealed(body: impl Into<Bytes>) -> super::stage::Answer {
    answer(StatusCode::OK, "message/ohttp-res", body)
}

async fn stage() -> (Arc<Gateway>, Arc<Script>, Stage) {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    (gateway, script, stage)
}

#[tokio::test]
async fn unsealed_answers_are_advice_and_nothing_is_sent_again() {
    let (_, script, stage) = stage().await;
    let fetcher = stage.fetcher();
    let refusals = [
        (400, FetchError::Unsealed { status: 400, retry_after: None }, false),
        (404, FetchError::Unsealed { status: 404, retry_after: None }, false),
        (407, FetchError::RelayToken, false),
        (422, FetchError::Unsealed { status: 422, retry_after: None }, false),
        (429, FetchError::Unsealed { status: 429, retry_after: None }, true),
        (502, FetchError::Unsealed { status: 502, retry_after: None }, true),
        (504, FetchError::Unsealed { status: 504, retry_after: None }, true),
        (302, FetchError::Unsealed { status: 302, retry_after: None }, false),
    ];
    for (times, (status, error, transient)) in refusals.into_iter().enumerate() {
        // Even a date problem, and even a denial, says nothing when it is not sealed.
        let body = r#"{"type":"https://iana.org/assignments/http-problem-types#date"}"#;
        script.on_forward(move |_| {
            let mut answer = answer(StatusCode::from_u16(status).unwrap(), "application/problem+json", body);
            answer.headers_mut().insert("date", "Mon, 07 Feb 2022 00:28:05 GMT".parse().unwrap());
            answer.headers_mut().insert("location", "https://elsewhere.test/".parse().unwrap());
            answer
        });
        assert_eq!(fetcher.fetch(&follower(), vec![request(b"bob")]).await, Err(error), "{status}");
        assert_eq!(error.is_transient(), transient, "{status}");
        assert_eq!(script.count(&Method::POST), times + 1, "{status}");
    }
}

#[tokio::test]
async fn a_success_of_another_media_type_is_unsealed_too() {
    let (gateway, script, stage) = stage().await;
    script.on_forward(move |arrived| answer(StatusCode::OK, "application/vnd.mimi-ds", gateway.serve(&arrived.body)));
    let refused = stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(refused, Err(FetchError::Unsealed { status: 200, retry_after: None }));
}

#[tokio::test]
async fn garbage_and_other_nonces_are_not_opened() {
    let (gateway, script, stage) = stage().await;
    let fetcher = stage.fetcher();
    for garbage in [vec![], vec![0; 15], vec![0; 16], vec![0; 8192]] {
        script.on_forward(move |_| sealed(garbage.clone()));
        let fetched = fetcher.fetch(&follower(), vec![request(b"bob")]).await;
        assert_eq!(fetched, Err(FetchError::Unopened));
    }
    // The response nonce, the content, the tag, the end: one bit each.
    for place in 0..4 {
        let gateway = Arc::clone(&gateway);
        script.on_forward(move |arrived| {
            let mut body = gateway.serve(&arrived.body).to_vec();
            let at = [0, 100, body.len() - 1][place.min(2)];
            if place == 3 {
                body.truncate(at);
            } else {
                body[at] ^= 1;
            }
            sealed(body)
        });
        let fetched = fetcher.fetch(&follower(), vec![request(b"bob")]).await;
        assert_eq!(fetched, Err(FetchError::Unopened), "{place}");
    }
}

#[tokio::test]
async fn a_replayed_response_is_not_opened() {
    let (gateway, script, stage) = stage().await;
    let fetcher = stage.fetcher();
    let first: Arc<Mutex<Option<Bytes>>> = Arc::default();
    script.on_forward(move |arrived| {
        let fresh = gateway.serve(&arrived.body);
        sealed(first.lock().unwrap().get_or_insert(fresh).clone())
    });
    assert!(fetcher.fetch(&follower(), vec![request(b"bob")]).await.is_ok());
    assert_eq!(fetcher.fetch(&follower(), vec![request(b"bob")]).await, Err(FetchError::Unopened));
}

#[tokio::test]
async fn a_response_is_as_long_as_its_class_at_most() {
    let (gateway, script, stage) = stage().await;
    let exact = Arc::clone(&gateway);
    let reply = super::gateway::Reply::ok(
        crate::wire::encode(&crate::wire::KeyPackageResults { results: vec![given(vec![package("bob")])] }).unwrap(),
    );
    let fits = reply.encode(8192);
    script.on_forward(move |arrived| sealed(exact.serve_bytes(&arrived.body, &fits)));
    assert!(stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await.is_ok());
    let longer = reply.encode(8192 + 64);
    script.on_forward(move |arrived| sealed(gateway.serve_bytes(&arrived.body, &longer)));
    let refused = stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(refused, Err(FetchError::Relay(ChannelError::ResponseTooLarge)));
}

#[tokio::test]
async fn a_connection_that_breaks_is_not_dialled_again() {
    let (_, script, stage) = stage().await;
    let fetcher = stage.fetcher();
    fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    let before = script.count(&Method::POST);
    // The relay's task dies with the request in its hands.
    script.on_forward(|_| std::panic::panic_any("the relay falls over"));
    let broken = fetcher.fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(broken, Err(FetchError::Relay(ChannelError::Broken)));
    assert!(broken.unwrap_err().is_transient(), "for its caller to decide");
    assert_eq!(script.count(&Method::POST), before, "it never came to an end of being served");
}
