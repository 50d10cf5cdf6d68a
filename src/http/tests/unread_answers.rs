//! The memory of a page is given back when HTTP has written the last byte of it, or throws it away.

use std::time::Duration;

use axum::body::Body;
use bytes::Buf;
use http_body_util::BodyExt;

use super::{Bounds, Call, House, application};
use crate::{
    client::ProblemCode,
    fixtures::requests::receive,
    sequencer::Policy,
    service::{Limits, setup::key},
};

#[tokio::test]
async fn an_answer_holds_its_memory_until_it_is_gone() {
    const PAGE: u64 = 4096;
    let policy = Policy { hint_bytes: 0, ..Policy::default() };
    let limits = Limits {
        page_bytes: PAGE,
        pages_bytes_max: 4 * PAGE,
        queue_wait: Duration::from_millis(50),
        ..Limits::default()
    };
    let house = House::with(policy, limits, Bounds::default());
    let group = house.setup.group().await;
    Call::local("/v1/send", application(&group, b"hello")).answer(&house).await.assert_ok();
    let ask = || Call::provider("/v1/receive", receive(&group, key(0), 0));
    let mut body = ask().respond(&house, Body::from(ask().body)).await.into_body();
    ask().assert_problem(&house, ProblemCode::Unavailable).await;
    let mut bytes = body.frame().await.unwrap().unwrap().into_data().unwrap();
    drop(body);
    ask().assert_problem(&house, ProblemCode::Unavailable).await;
    bytes.advance(bytes.len() - 1);
    let last = bytes.split_to(1);
    drop(bytes);
    ask().assert_problem(&house, ProblemCode::Unavailable).await;
    drop(last);
    ask().answer(&house).await.assert_ok();
}
