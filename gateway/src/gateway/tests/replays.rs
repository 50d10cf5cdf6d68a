//! Copies of requests (RFC 9458 §6.5).

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use tower::{ServiceExt as _, service_fn};

use super::bench::{Bench, assert_shows_nothing, echo, encode, inner, open, outer};
use crate::{Outcome, Policy, RelayIdentity, ReplayMark, Target, binary, gateway::Gateway, tests::START_MS};

/// RFC 9458 §6.5: a copy never reaches the target a second time, at no moment of its date's life.
#[tokio::test]
async fn a_copy_is_refused_as_long_as_it_could_pass_for_fresh() {
    let bench = Bench::new();
    // As far ahead as is allowed: it stays fresh for twice the window.
    let mut message = inner("/v1/key-package");
    message.put_header("date", binary::format_date(START_MS + 120_000).as_bytes());
    let (request, _) = bench.encapsulate(&encode(&message));
    assert_shows_nothing(&bench.post(request.clone()).await);
    for passed in [0, 1, 1_000, 120_000, 239_000, 239_999, 240_000, 240_001, 241_000, 3_600_000] {
        bench.surroundings.set(START_MS + passed);
        assert_shows_nothing(&bench.post(request.clone()).await);
        assert_eq!(bench.dispatched(), 1, "{passed} ms later");
    }
    assert_eq!(bench.count(Outcome::Replayed) + bench.count(Outcome::WrongDate), 10);
    assert_eq!(bench.count(Outcome::Replayed), 7);
}

/// The answer to a copy can be read by whoever could read the first, and by nobody else; it has the same size.
#[tokio::test]
async fn a_copy_is_answered_sealed_and_in_the_same_size() {
    let bench = Bench::new();
    let (request, response) = bench.encapsulate(&encode(&bench.message()));
    let first = bench.post(request.clone()).await;
    let answer = open(&bench.post(request).await, response);
    assert_eq!(answer.status, 409);
    assert_eq!(answer.outer_length, first.body().len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_copies_at_once_one_gets_through() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    let mut tasks = tokio::task::JoinSet::new();
    let all_there = Arc::new(tokio::sync::Barrier::new(50));
    for _ in 0..50 {
        let mut request = outer(request.clone());
        request.extensions_mut().insert(RelayIdentity("relay.example".into()));
        let (gateway, all_there) = (bench.gateway.clone(), Arc::clone(&all_there));
        tasks.spawn(async move {
            all_there.wait().await;
            gateway.oneshot(request).await
        });
    }
    for answer in tasks.join_all().await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(bench.dispatched(), 1);
    assert_eq!((bench.count(Outcome::Answered), bench.count(Outcome::Replayed)), (1, 49));
}

#[tokio::test]
async fn a_mark_that_was_given_back_is_seen() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    assert_shows_nothing(&bench.post(request.clone()).await);
    let mark = *bench.seen.lock().unwrap()[0].extensions().get::<ReplayMark>().unwrap();
    assert_eq!(mark.expires_ms, START_MS + 120_001);
    let expected = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&request[..1], &request[7..39]].concat());
    assert_eq!(mark.digest, expected.as_ref());

    // The keys survive a restart on disk; here another gateway takes them over.
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let target = service_fn(move |_: Request<Bytes>| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, Infallible>(Response::new(Bytes::new())))
    });
    let restarted = Gateway::new(
        target,
        Target { authority: "follower.example".into(), routes: vec![(Method::POST, "/v1/key-package".into())] },
        |_: &Request<Bytes>| 0,
        Arc::clone(&bench.keyring),
        Policy::default(),
        Arc::clone(&bench.surroundings) as Arc<_>,
    );
    assert_eq!(restarted.replays().restore([mark], START_MS), 1);
    let answer = restarted.clone().oneshot(outer(request)).await.unwrap();
    assert_eq!((answer.status(), seen.load(Ordering::Relaxed)), (StatusCode::OK, 0));
    assert_eq!(restarted.counters().of(Outcome::Replayed), 1);
}

/// Whoever has lost marks cannot tell what is new. The date is not what is wrong, and another one would not help.
#[tokio::test]
async fn what_may_have_been_forgotten_is_a_sealed_503_that_says_when_to_come_back() {
    let bench = Bench::new();
    bench.gateway.replays().distrust(START_MS + 240_001);
    for (passed_ms, minutes) in [(0, 3), (1_000, 2), (59_999, 2), (61_000, 1), (119_000, 1)] {
        bench.surroundings.set(START_MS + passed_ms);
        let (request, response) = bench.encapsulate(&encode(&bench.message()));
        let answer = open(&bench.post(request.clone()).await, response);
        assert_eq!((answer.status, answer.field("date")), (503, None), "{passed_ms}");
        assert_eq!(answer.field("retry-after"), Some((minutes * 60).to_string().as_str()), "{passed_ms}");
        assert!(!answer.problem().contains("#date"));
    }
    assert_eq!((bench.count(Outcome::Forgotten), bench.dispatched()), (5, 0));
    // Whoever came back when it was told to gets an answer.
    bench.surroundings.set(START_MS + 121_000);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 200);
    // After a clock that was far ahead nobody waits for that long.
    bench.gateway.replays().distrust(START_MS + 1_000 * 86_400_000);
    assert_eq!(bench.ask(&encode(&bench.message())).await.field("retry-after"), Some("3600"));
}

#[tokio::test]
async fn a_full_window_is_a_sealed_503() {
    let bench = Bench::with(Policy { replay_marks_max: 1, ..Policy::default() }, echo);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 200);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 503);
    assert_eq!((bench.count(Outcome::WindowFull), bench.dispatched()), (1, 1));
    bench.surroundings.pass(122_000);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 200);
}
