//! The process ends in the middle of each step, and every Welcome is delivered at least once.

use super::{
    follower::{Follower, Reply},
    stage::Stage,
};
use crate::{client::http::tests::provider::Authority, service::setup::HOUR, wire::WelcomeDecision::Accepted};

/// A hub whose Welcome is for one new member, and the provider, which answers so.
async fn stage(replies: Vec<Reply>) -> (Stage, Follower) {
    let authority = Authority::new();
    let follower = Follower::start(&authority, "follower.example", replies).await;
    let stage = Stage::new(&authority, &[("follower.example", follower.address)]);
    stage.welcome(&[(b"one", "follower.example")]).await;
    (stage, follower)
}

async fn assert_delivered(stage: &Stage, follower: &mut Follower) {
    stage.await_waiting(0, &[]).await;
    follower.assert_quiet();
}

#[tokio::test]
async fn before_anybody_was_asked() {
    let (stage, mut follower) = stage(vec![]).await;
    let stage = stage.restart().await;
    follower.asked_init().await;
    follower.given().await;
    assert_delivered(&stage, &mut follower).await;
}

#[tokio::test]
async fn before_the_decisions_came() {
    let (mut stage, mut follower) = stage(vec![Reply::Hang]).await;
    stage.start();
    follower.asked_init().await;
    let stage = stage.restart().await;
    follower.asked_init().await;
    follower.given().await;
    assert_delivered(&stage, &mut follower).await;
}

/// The provider has the Welcome, and the hub does not know.
#[tokio::test]
async fn before_the_receipt_came() {
    let (mut stage, mut follower) = stage(vec![Reply::Decide(5, vec![Accepted]), Reply::Hang]).await;
    stage.start();
    follower.asked_init().await;
    let first = follower.given().await;
    let stage = stage.restart().await;
    // The same again, without asking: the ticket is good.
    let second = follower.given().await;
    assert_eq!(second.welcome_ticket, [5; 16]);
    assert!(second == first);
    assert_delivered(&stage, &mut follower).await;
}

#[tokio::test]
async fn so_long_ago_that_the_ticket_is_not_good_any_more() {
    let (mut stage, mut follower) = stage(vec![Reply::Decide(5, vec![Accepted]), Reply::Hang]).await;
    stage.start();
    follower.asked_init().await;
    follower.given().await;
    stage.setup.clock.advance(23 * HOUR);
    let stage = stage.restart().await;
    follower.asked_init().await;
    assert_eq!(follower.given().await.welcome_ticket, [0xee; 16]);
    assert_delivered(&stage, &mut follower).await;
}

/// What was recorded is not done again.
#[tokio::test]
async fn after_everything() {
    let (mut stage, mut follower) = stage(vec![]).await;
    stage.start();
    follower.asked_init().await;
    follower.given().await;
    stage.await_waiting(0, &[]).await;
    let stage = stage.restart().await;
    stage.after(HOUR);
    stage.welcome(&[(b"two", "follower.example")]).await;
    assert_eq!(follower.asked_init().await, [b"two"]);
}
