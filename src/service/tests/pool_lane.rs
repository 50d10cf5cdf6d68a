//! What fetches cost others: batches that end in time, and a lane of their own.

use std::pin::Pin;

use crate::{
    mls::{CipherSuite, ProtocolVersion},
    pool::ReplayMark,
    service::{
        Limits,
        setup::{START, Setup, say, user, user_id},
        tests::begin,
    },
    wire::{BearerTokenKind, KeyPackageRequest, KeyPackageResults, KeyPackageStatus},
};

type Fetching<'a> = Pin<Box<dyn Future<Output = Result<KeyPackageResults, crate::service::Error>> + 'a>>;

/// Requests for users who do not exist: each of them reads three rows.
fn bundle() -> Vec<KeyPackageRequest> {
    let request = |number: usize| KeyPackageRequest {
        user_id: format!("nobody {number}").into_bytes(),
        bearer_token: b"garbage".to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(1),
    };
    (0..32).map(request).collect()
}

fn mark(number: u8) -> Option<ReplayMark> {
    Some(ReplayMark { digest: [number; 32], expires_ms: START + 120_000 })
}

/// So many bundles, all of them queued behind a write that has stalled.
fn queue<'a>(setup: &'a Setup, requests: &'a [KeyPackageRequest], count: u8) -> Vec<Fetching<'a>> {
    let fetch = |number| -> Fetching<'a> { Box::pin(setup.service.fetch_key_packages(requests, mark(number))) };
    let mut fetching: Vec<_> = (0..count).map(fetch).collect();
    fetching.iter_mut().for_each(begin);
    fetching
}

#[tokio::test]
async fn costly_bundles_are_written_in_several_batches() {
    const BUNDLES: u8 = 200;
    let (setup, requests) = (Setup::new(), bundle());
    setup.store.hold();
    let carol = user_id("carol");
    let mut minting: Pin<Box<dyn Future<Output = _>>> =
        Box::pin(setup.service.mint_token(&carol, BearerTokenKind::Unique));
    begin(&mut minting);
    setup.store.await_stalled(1);
    let fetching = queue(&setup, &requests, BUNDLES);
    let before = setup.store.attempts();
    setup.store.release();
    minting.await.unwrap();
    for fetch in fetching {
        assert!(fetch.await.unwrap().results.iter().all(|result| result.status == KeyPackageStatus::Denied));
    }
    // 96 rows each, of which some 8 000 are as much as a batch takes.
    let batches = setup.store.attempts() - before;
    assert!((2..=4).contains(&batches), "{batches}");
    assert_eq!(setup.service.answered_requests().unwrap().marks.len(), usize::from(BUNDLES));
}

#[tokio::test]
async fn a_batch_ends_when_it_has_taken_long_enough() {
    let setup = Setup::new();
    let group = setup.group().await;
    let send = |text: &str| {
        let (setup, request) = (&setup, say(&group, 0, text));
        Box::pin(async move { setup.send(user("alice"), request).await })
    };
    setup.store.hold();
    let mut stalled = send("stalled");
    begin(&mut stalled);
    setup.store.await_stalled(1);
    let before = setup.store.commits().len();
    let mut queued: Vec<_> = (0..7).map(|number| send(&number.to_string())).collect();
    queued.iter_mut().for_each(begin);
    // Each look at the clock finds it so much later.
    setup.clock.step(10);
    setup.store.release();
    stalled.await.unwrap();
    for send in queued {
        send.await.unwrap();
    }
    assert_eq!(setup.store.commits()[before..], [1, 3, 3, 1]);
}

#[tokio::test]
async fn groups_do_not_queue_behind_fetches() {
    let limits = Limits { queue: 2, queue_wait: std::time::Duration::from_millis(50), ..Limits::default() };
    let (setup, requests) = (Setup::with(crate::sequencer::Policy::default(), limits), bundle());
    let group = setup.group().await;
    setup.store.hold();
    let stalled = queue(&setup, &requests, 1);
    setup.store.await_stalled(1);
    let queued = queue(&setup, &requests, 2);
    let refused = setup.service.fetch_key_packages(&requests, mark(9)).await;
    assert_eq!(refused, Err(crate::service::Error::Overloaded));
    let mut send = Box::pin(setup.send(user("alice"), say(&group, 0, "not behind them")));
    begin(&mut send);
    // Its write waits for the disk like that of the fetches, not for them.
    setup.store.await_stalled(2);
    setup.store.release();
    send.await.unwrap();
    for fetch in stalled.into_iter().chain(queued) {
        fetch.await.unwrap();
    }
}
