//! `/metrics` says what the specification lists, counts what was asked, and names nobody.

use axum::http::StatusCode;

use super::*;
use crate::fixtures::metrics::{number, served, specified};

/// What is served now.
pub(super) async fn read(house: &House) -> String {
    let request = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(house.local.clone(), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn every_metric_has_a_row_in_the_specification_and_every_row_a_metric() {
    let house = House::new();
    assert_eq!(served(&read(&house).await), specified("restante_hub_"));
}

/// A line more for each group or user would be a leak, and would end in a full memory.
#[tokio::test]
async fn the_lines_are_the_same_whatever_happened() {
    let house = House::new();
    let keys = |text: &str| -> Vec<String> {
        text.lines().filter_map(|line| line.rsplit_once(' ')).map(|(key, _)| key.to_owned()).collect()
    };
    let before = keys(&read(&house).await);
    let group = house.setup.group().await;
    house.messages(&group, 0).await;
    let body = crate::fixtures::requests::receive(&group, key(0), 0);
    for path in ["/v1/receive", "/v1/receive/alice", "/nowhere"] {
        let call = Call::new(Listener::Local, path, body.clone()).acting_as("alice");
        drop(call.answer(&house).await);
    }
    assert_eq!(keys(&read(&house).await), before);
}

#[tokio::test]
async fn what_is_asked_is_counted_by_what_it_was_and_how_it_ended() {
    let house = House::new();
    let before = read(&house).await;
    let group = house.setup.group().await;
    house.messages(&group, 0).await;
    Call::local("/v1/send", application(&group, b"one")).answer(&house).await.assert_ok();
    Call::local("/v1/send", "nonsense").assert_problem(&house, crate::client::ProblemCode::Malformed).await;
    Call::provider("/v1/nowhere", "").answer(&house).await;
    let after = read(&house).await;
    let grown = |line: &str| number(&after, line) - number(&before, line);
    let requests = |listener: &str, operation: &str, outcome: &str| {
        let labels = format!("listener=\"{listener}\",operation=\"{operation}\",outcome=\"{outcome}\"");
        grown(&format!("restante_hub_requests_total{{{labels}}}"))
    };
    assert_eq!(requests("local", "/v1/send", "answered"), 1);
    assert_eq!(requests("local", "/v1/send", "refused"), 1);
    assert_eq!(requests("local", "/v1/receive", "answered"), 1);
    assert_eq!(requests("provider", "other", "refused"), 1);
    assert_eq!(requests("provider", "/v1/send", "answered"), 0);
    assert_eq!(grown("restante_hub_problems_total{code=\"malformed\"}"), 1);
    // A mint, a group and a message waited for each other. What the reader presented is noted with the message, or by
    // itself when the lane was quicker.
    let batches = grown("restante_hub_batch_commands_count{lane=\"groups\"}");
    assert!((3..=4).contains(&batches), "{batches} batches");
    assert!(grown("restante_hub_commands_total{lane=\"groups\",outcome=\"done\"}") >= 3);
    assert_eq!(grown("restante_hub_commit_seconds_count{lane=\"groups\"}"), batches, "each is one write");
    assert_eq!(number(&after, "restante_hub_ready"), 1);
    assert_eq!(number(&after, "restante_hub_peers"), 2);
    assert_eq!(number(&after, "restante_hub_answers_lent_bytes"), 0, "all that was lent was given back");
}
