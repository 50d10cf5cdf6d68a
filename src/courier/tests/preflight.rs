//! Asking before a commit is sequenced.

use std::time::Duration;

use http::StatusCode;

use super::{
    follower::{Follower, Reply},
    stage::Stage,
};
use crate::{
    client::http::tests::provider::Authority,
    fixtures::{
        mls,
        requests::{self, Attached},
    },
    sequencer::Rejection,
    service::{
        Error,
        setup::{PATIENCE, commit_with, user},
    },
    wire::{
        SendRequest, SendResponse,
        WelcomeDecision::{Accepted, AlreadyUsed, Unknown},
    },
};

const REFUSED: Error = Error::Rejected(Rejection::WelcomeRefused);

/// A commit of the group's root that adds somebody at each of those providers.
fn commit(group: &[u8], text: &str, providers: &[&str]) -> SendRequest {
    let references: Vec<_> = providers.iter().map(|provider| provider.as_bytes()).collect();
    let data = requests::welcome_data(&mls::welcome(mls::SUITE, &references), providers);
    commit_with(group, 0, 1, text, &Attached { welcome_data: Some(data), group_info: None })
}

async fn send(stage: &Stage, request: SendRequest) -> Result<SendResponse, Error> {
    stage.setup.send(user("alice"), request).await
}

/// One provider, a hub that asks first, and a group of it.
async fn stage(replies: Vec<Reply>, wait: Duration) -> (Follower, Stage, Vec<u8>) {
    let authority = Authority::new();
    let follower = Follower::start(&authority, "follower.example", replies).await;
    let mut stage = Stage::asking_first(&authority, &[("follower.example", follower.address)], wait);
    stage.start();
    let group = stage.setup.group().await;
    (follower, stage, group)
}

#[tokio::test]
async fn a_provider_that_takes_it_for_nobody_keeps_the_commit_out() {
    let nobody = Reply::Decide(1, vec![Unknown]);
    let (mut follower, stage, group) = stage(vec![nobody], PATIENCE).await;
    let request = commit(&group, "commit", &["follower.example"]);
    assert_eq!(send(&stage, request.clone()).await, Err(REFUSED));
    assert_eq!(follower.asked_init().await, [b"follower.example"]);
    assert!(stage.setup.receive(user("alice"), &group, 0, 0).await.response.epoch.messages.is_empty());
    assert_eq!(stage.waiting(), (0, vec![]));

    // The same commit again, when the provider has thought better of it: its ticket is used, and it is not asked twice.
    follower.will([Reply::Decide(5, vec![Accepted])]);
    let receipt = send(&stage, request.clone()).await.unwrap();
    follower.asked_init().await;
    assert_eq!(follower.given().await.welcome_ticket, [5; 16]);
    stage.await_waiting(0, &[]).await;
    // What was sequenced stays so, and nobody is asked about it.
    follower.will([Reply::Decide(1, vec![Unknown])]);
    assert_eq!(send(&stage, request).await, Ok(receipt));
    follower.assert_quiet();
}

#[tokio::test]
async fn a_creation_is_asked_about_too_and_our_own_users_refuse_like_any_other_provider() {
    let (mut follower, stage, _group) = stage(vec![], PATIENCE).await;
    // Nobody has uploaded that one.
    assert_eq!(stage.create(&[(b"one", "follower.example"), (b"nobody's", "hub.example")]).await, Err(REFUSED));
    // They are asked first: no ticket of another provider is wasted.
    follower.assert_quiet();
    follower.will([Reply::Decide(2, vec![AlreadyUsed, Accepted])]);
    stage.create(&[(b"used", "follower.example"), (b"two", "follower.example")]).await.unwrap();
    assert_eq!(follower.asked_init().await, [b"used".to_vec(), b"two".to_vec()]);
    assert_eq!(follower.given().await.welcome_ticket, [2; 16], "one of them is enough");
    stage.await_waiting(0, &[]).await;
}

/// Whoever says nothing refuses nothing: it is asked again when the Welcome is brought.
#[tokio::test]
async fn who_does_not_say_keeps_nobody_from_committing() {
    let down = Reply::Problem(StatusCode::SERVICE_UNAVAILABLE, "unavailable", None);
    let stranger = Reply::Problem(StatusCode::FORBIDDEN, "not_a_peer", None);
    let garbage = Reply::Decide(1, vec![]);
    for reply in [down, stranger, garbage, Reply::Hang] {
        // Shorter than a provider that hangs, longer than one that answers: then the outcome is the same.
        let (mut follower, stage, group) = stage(vec![reply], Duration::from_millis(300)).await;
        send(&stage, commit(&group, "commit", &["follower.example"])).await.unwrap();
        assert_eq!(follower.asked_init().await, [b"follower.example"]);
        assert_eq!(follower.asked_init().await, [b"follower.example"]);
        assert_eq!(follower.given().await.welcome_ticket, [0xee; 16]);
        stage.await_waiting(0, &[]).await;
    }
}

/// Of two that are asked about at once, one could be refused and the other sequenced after that.
#[tokio::test]
async fn a_request_that_is_being_asked_about_is_told_to_come_again() {
    let (mut follower, stage, group) = stage(vec![Reply::Hang], PATIENCE).await;
    let request = commit(&group, "commit", &["follower.example"]);
    let service = stage.setup.service.clone();
    let first = tokio::spawn({
        let request = request.clone();
        async move { service.send(&user("alice"), request, None).await }
    });
    follower.asked_init().await;
    assert_eq!(send(&stage, request.clone()).await, Err(Error::Overloaded));
    // Whoever asked has gone away: the request may come again.
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    send(&stage, request).await.unwrap();
    follower.asked_init().await;
    follower.given().await;
    stage.await_waiting(0, &[]).await;
}

/// Tickets that others gave are lost: whoever has that happen again and again is stopped, and nobody else is.
#[tokio::test]
async fn who_has_providers_asked_in_vain_is_stopped() {
    let authority = Authority::new();
    let mut giving = Follower::start(&authority, "follower.example", vec![]).await;
    let refusals = (0..33).map(|_| Reply::Decide(1, vec![Unknown])).collect();
    let mut refusing = Follower::start(&authority, "third.example", refusals).await;
    let peers = [("follower.example", giving.address), ("third.example", refusing.address)];
    let stage = Stage::asking_first(&authority, &peers, PATIENCE);
    let group = stage.setup.group().await;
    let both = |number: u32| commit(&group, &format!("commit {number}"), &["follower.example", "third.example"]);
    // Sixty-four tries: one for the question, and one for the ticket.
    for number in 0..32 {
        assert_eq!(send(&stage, both(number)).await, Err(REFUSED), "{number}");
        giving.asked_init().await;
        refusing.asked_init().await;
    }
    assert_eq!(send(&stage, both(32)).await, Err(Error::TooManyInVain));
    giving.assert_quiet();
    refusing.assert_quiet();
    assert_eq!(stage.setup.send(user("bob"), both(33)).await, Err(REFUSED));
    // What needs no answer of others goes on.
    stage.setup.send(user("alice"), commit_with(&group, 0, 1, "bare", &Attached::default())).await.unwrap();
    stage.setup.clock.advance(20_000);
    refusing.will([Reply::Decide(1, vec![Accepted])]);
    send(&stage, both(34)).await.unwrap();
}

/// Nobody is bothered with what is refused anyway, or brings no Welcome.
#[tokio::test]
async fn nobody_is_asked_in_vain() {
    let (mut follower, stage, group) = stage(vec![], PATIENCE).await;
    let unknown = Err(Error::Rejected(Rejection::UnknownGroup));
    assert_eq!(send(&stage, commit(b"no such group", "commit", &["follower.example"])).await, unknown);
    let stranger = Err(Error::Rejected(Rejection::UnknownProvider));
    assert_eq!(send(&stage, commit(&group, "odd", &["follower.example", "stranger.example"])).await, stranger);
    send(&stage, commit_with(&group, 0, 1, "commit", &Attached::default())).await.unwrap();
    follower.assert_quiet();
}
