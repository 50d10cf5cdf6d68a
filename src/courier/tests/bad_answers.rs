//! Providers that answer something else: nothing is lost, nothing is hammered, and it heals.

use http::StatusCode;

use super::{
    follower::{Follower, Reply},
    stage::Stage,
};
use crate::{
    client::http::tests::provider::Authority,
    wire::{MEDIA_TYPE, WelcomeDecision::Accepted},
};

/// Longer than any wait after one failure or two.
const A_MINUTE: u64 = 60_000;

async fn stage(replies: Vec<Reply>) -> (Stage, Follower) {
    let authority = Authority::new();
    let follower = Follower::start(&authority, "follower.example", replies).await;
    let mut stage = Stage::new(&authority, &[("follower.example", follower.address)]);
    stage.start();
    stage.welcome(&[(b"one", "follower.example"), (b"two", "follower.example")]).await;
    (stage, follower)
}

fn useless() -> Vec<Reply> {
    vec![
        Reply::Raw(StatusCode::OK, "text/html", b"<html>".to_vec()),
        Reply::Raw(StatusCode::OK, MEDIA_TYPE, Vec::new()),
        Reply::Raw(StatusCode::OK, MEDIA_TYPE, vec![0xff; 300]),
        Reply::Raw(StatusCode::OK, MEDIA_TYPE, vec![0; 1024 * 1024]),
        Reply::Raw(StatusCode::GONE, "text/plain", b"gone".to_vec()),
        Reply::Problem(StatusCode::GONE, "group_deleted", None),
        Reply::Problem(StatusCode::FORBIDDEN, "not_a_peer", None),
        Reply::Raw(StatusCode::BAD_GATEWAY, "text/html", Vec::new()),
        // Not one for each.
        Reply::Decide(1, vec![Accepted]),
        Reply::Decide(1, vec![Accepted; 3]),
        Reply::Decide(1, vec![]),
    ]
}

#[tokio::test]
async fn useless_decisions_are_asked_for_again_later() {
    for reply in useless() {
        let (stage, mut follower) = stage(vec![reply]).await;
        follower.asked_init().await;
        stage.await_waiting(1, &[1]).await;
        stage.setup.clock.advance(900);
        stage.assert_resting().await;
        stage.after(A_MINUTE);
        assert_eq!(follower.asked_init().await, [b"one", b"two"]);
        follower.given().await;
        stage.await_waiting(0, &[]).await;
    }
}

#[tokio::test]
async fn after_a_useless_receipt_the_welcome_is_handed_over_again() {
    let lost = [
        Reply::Raw(StatusCode::OK, "text/html", b"<html>".to_vec()),
        Reply::Raw(StatusCode::BAD_GATEWAY, "text/html", Vec::new()),
        Reply::Problem(StatusCode::TOO_MANY_REQUESTS, "rate_limited", None),
        Reply::Raw(StatusCode::OK, MEDIA_TYPE, vec![0; 1024 * 1024]),
    ];
    for reply in lost {
        let (stage, mut follower) = stage(vec![Reply::Decide(5, vec![Accepted; 2]), reply]).await;
        follower.asked_init().await;
        let first = follower.given().await;
        stage.await_waiting(1, &[1]).await;
        stage.after(A_MINUTE);
        assert!(follower.given().await == first, "with the same ticket, which may be good");
        stage.await_waiting(0, &[]).await;
    }
}

#[tokio::test]
async fn who_accepts_and_then_refuses_is_asked_again() {
    let refusals = [
        Reply::Problem(StatusCode::FAILED_DEPENDENCY, "welcome_refused", None),
        Reply::Raw(StatusCode::GONE, "text/plain", Vec::new()),
        Reply::Problem(StatusCode::PAYLOAD_TOO_LARGE, "too_large", None),
    ];
    for refusal in refusals {
        let (stage, mut follower) = stage(vec![Reply::Decide(5, vec![Accepted; 2]), refusal]).await;
        follower.asked_init().await;
        assert_eq!(follower.given().await.welcome_ticket, [5; 16]);
        stage.await_waiting(1, &[1]).await;
        stage.after(A_MINUTE);
        follower.asked_init().await;
        assert_eq!(follower.given().await.welcome_ticket, [0xee; 16]);
        stage.await_waiting(0, &[]).await;
    }
}

#[tokio::test]
async fn who_wants_to_be_left_alone_is_left_alone_for_a_while() {
    let (stage, mut follower) = stage(vec![]).await;
    follower.asked_init().await;
    follower.given().await;
    stage.await_waiting(0, &[]).await;
    let busy = |seconds| Reply::Problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", Some(seconds));
    follower.will([busy(300), busy(u32::MAX)]);
    stage.welcome(&[(b"three", "follower.example")]).await;
    follower.asked_init().await;
    stage.await_waiting(1, &[1]).await;
    stage.setup.clock.advance(299_000);
    stage.assert_resting().await;
    stage.after(1_000);
    follower.asked_init().await;
    stage.await_waiting(1, &[2]).await;
    // Not for as long as it likes.
    stage.after(600_000);
    follower.asked_init().await;
    follower.given().await;
    stage.await_waiting(0, &[]).await;
}
