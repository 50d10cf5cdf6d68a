//! `GET /healthz` and `/readyz`.

use axum::http::{Method, StatusCode};

use super::{Call, House, Listener};

async fn get(house: &House, path: &'static str) -> (StatusCode, String) {
    let call = Call { method: Method::GET, ..Call::new(Listener::Local, path, "") };
    // Whoever watches the process has no token.
    let answer = call.without("content-type").answer(house).await;
    (answer.status, String::from_utf8(answer.body.to_vec()).unwrap())
}

#[tokio::test]
async fn a_hub_that_works_is_alive_and_ready() {
    let house = House::new();
    assert_eq!(get(&house, "/healthz").await, (StatusCode::OK, "ok\n".to_owned()));
    assert_eq!(get(&house, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
}

#[tokio::test]
async fn what_is_wrong_beside_the_hub_stands_below() {
    let house = House::new();
    house.hub.remark(vec!["one thing", "another"]);
    assert_eq!(get(&house, "/readyz").await, (StatusCode::OK, "ready\none thing\nanother\n".to_owned()));
    house.hub.remark(Vec::new());
    assert_eq!(get(&house, "/readyz").await, (StatusCode::OK, "ready\n".to_owned()));
}

#[tokio::test]
async fn a_hub_that_cannot_write_is_alive_and_not_ready() {
    let house = House::new();
    let group = house.setup.group().await;
    house.setup.store.fail_writes(crate::store::Error::Io("full".to_owned()));
    let send = Call::local("/v1/send", super::application(&group, b"text"));
    send.assert_problem(&house, crate::client::ProblemCode::Unavailable).await;
    let (status, text) = get(&house, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("database") && text.contains("log"), "{text}");
    assert_eq!(get(&house, "/healthz").await.0, StatusCode::OK);
    assert_eq!(house.messages(&group, 0).await, 0, "receives go on");
}

#[tokio::test]
async fn a_hub_that_drains_or_has_ended_is_not_ready() {
    let house = House::new();
    house.hub.drain();
    assert_eq!(get(&house, "/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, "draining\n".to_owned()));
    assert_eq!(get(&house, "/healthz").await.0, StatusCode::OK);
    let house = House::new();
    house.setup.service.finish();
    let (status, text) = get(&house, "/readyz").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(text.contains("lane"), "{text}");
}
