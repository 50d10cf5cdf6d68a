//! What is refused in clear: outer requests that nothing was opened of.

use std::{
    num::NonZeroU32,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body::{Body, Frame};
use http_body_util::Full;
use tower::ServiceExt as _;

use super::bench::{Bench, assert_problem, assert_shows_nothing, echo, encode, outer};
use crate::{OHTTP_KEY, Outcome, Policy, Rate, RelayIdentity, gateway::WELL_KNOWN};

#[tokio::test]
async fn other_resources_and_methods_are_refused_in_clear() {
    let bench = Bench::new();
    for path in ["/", "/.well-known/", "/.well-known/ohttp-gateway/", "/v1/key-package"] {
        let request = Request::get(path).body(Full::new(Bytes::new())).unwrap();
        assert_problem(&bench.send(request).await, 404, "about:blank");
    }
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
        let request = Request::builder().method(method).uri(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap();
        let answer = bench.send(request).await;
        assert_problem(&answer, 405, "about:blank");
        assert_eq!(answer.headers()[header::ALLOW], "GET, HEAD, POST");
    }
    assert_eq!(bench.count(Outcome::NoResource), 8);
}

#[tokio::test]
async fn another_media_type_is_refused_in_clear() {
    let bench = Bench::new();
    let (body, _) = bench.encapsulate(&encode(&bench.message()));
    for value in [None, Some("message/ohttp-res"), Some("application/octet-stream"), Some("message/ohttp-chunked-req")]
    {
        let mut request = outer(body.clone());
        request.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(value) = value {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let answer = bench.send(request).await;
        assert_problem(&answer, 415, "about:blank");
        assert_eq!(answer.headers()[header::ACCEPT], "message/ohttp-req");
    }
    let mut twice = outer(body.clone());
    twice.headers_mut().append(header::CONTENT_TYPE, HeaderValue::from_static("message/ohttp-req"));
    assert_problem(&bench.send(twice).await, 415, "about:blank");
    let mut coded = outer(body.clone());
    coded.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert_problem(&bench.send(coded).await, 415, "about:blank");
    let mut upper = outer(body);
    upper.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("Message/OHTTP-Req"));
    assert_shows_nothing(&bench.send(upper).await);
}

#[tokio::test]
async fn empty_and_short_bodies_are_refused_in_clear() {
    let bench = Bench::new();
    for length in [0, 1, 7, 54] {
        assert_problem(&bench.post(vec![0; length]).await, 400, "about:blank");
    }
    assert_eq!(bench.count(Outcome::TooShort), 4);
}

/// RFC 9458 §5.3, §6.4: an unknown key, a known one with a wrong suite, and an altered text look the same to the byte.
#[tokio::test]
async fn what_cannot_be_decrypted_is_refused_in_one_shape() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    let altered = |place: usize| {
        let mut altered = request.clone();
        altered[place] ^= 1;
        altered
    };
    let answers = [altered(0), altered(2), altered(6), altered(20), altered(request.len() - 1), request[..60].to_vec()];
    let mut seen = Vec::new();
    for body in answers {
        let answer = bench.post(body).await;
        assert_problem(&answer, 422, OHTTP_KEY);
        seen.push((answer.headers().clone(), answer.into_body()));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((bench.count(Outcome::Undecryptable), bench.dispatched()), (6, 0));
}

#[tokio::test]
async fn a_retired_key_is_an_unknown_key() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    bench.keyring.retire(request[0], bench.surroundings.as_ref()).unwrap();
    assert_problem(&bench.post(request).await, 422, OHTTP_KEY);
}

#[tokio::test]
async fn more_than_the_limit_is_refused_whether_announced_or_not() {
    let policy = Policy { request_bytes_max: 1000, ..Policy::default() };
    let bench = Bench::with(policy, echo);
    assert_problem(&bench.post(vec![0; 1001]).await, 413, "about:blank");
    let chunks = futures_body(vec![Some(vec![0; 600]), Some(vec![0; 600])]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| chunks)).await, 413, "about:blank");
    assert_problem(&bench.post(vec![0; 1000]).await, 422, OHTTP_KEY);
    assert_eq!(bench.count(Outcome::TooLarge), 2);
}

/// A body of these frames; after a `None` nothing ever comes.
fn futures_body(frames: Vec<Option<Vec<u8>>>) -> Slow {
    Slow(frames.into())
}

struct Slow(std::collections::VecDeque<Option<Vec<u8>>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.0.front() {
            None => Poll::Ready(None),
            Some(None) => Poll::Pending,
            Some(Some(frame)) if frame.is_empty() => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Some(Some(_)) => {
                let frame = self.0.pop_front().flatten().unwrap_or_default();
                Poll::Ready(Some(Ok(Frame::data(frame.into()))))
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_and_broken_bodies_are_refused_in_clear() {
    let bench = Bench::new();
    let slow = futures_body(vec![Some(vec![0; 60]), None]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| slow)).await, 408, "about:blank");
    let broken = futures_body(vec![Some(vec![0; 60]), Some(Vec::new())]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| broken)).await, 400, "about:blank");
    assert_eq!((bench.count(Outcome::SlowBody), bench.count(Outcome::BrokenBody)), (1, 1));
}

#[tokio::test]
async fn over_budget_is_refused_before_anything_is_opened() {
    let rate = |burst| Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::new(burst).unwrap() };
    let policy = Policy { each_relay: rate(2), others_together: rate(1), ..Policy::default() };
    let bench = Bench::with(policy, echo);
    let from = |relay: Option<&str>| {
        let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
        if let Some(relay) = relay {
            request.extensions_mut().insert(RelayIdentity(relay.into()));
        }
        bench.send(request)
    };
    assert_shows_nothing(&from(None).await);
    let refused = from(None).await;
    assert_problem(&refused, 429, "about:blank");
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    for relay in ["a.example", "b.example"] {
        assert_shows_nothing(&from(Some(relay)).await);
        assert_shows_nothing(&from(Some(relay)).await);
        assert_problem(&from(Some(relay)).await, 429, "about:blank");
    }
    assert_eq!((bench.count(Outcome::OverBudget), bench.dispatched()), (3, 5));
}

#[tokio::test]
async fn too_many_at_once_are_refused_in_clear() {
    let policy = Policy { requests_at_once: 1, ..Policy::default() };
    let (entered, release) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (enter, wait) = (Arc::clone(&entered), Arc::clone(&release));
    let bench = Bench::with(policy, move |_| {
        let (enter, wait) = (Arc::clone(&enter), Arc::clone(&wait));
        Box::pin(async move {
            enter.notify_one();
            wait.notified().await;
            Ok(Response::new(Bytes::new()))
        })
    });
    let (first, _) = bench.encapsulate(&encode(&bench.message()));
    let (second, _) = bench.encapsulate(&encode(&bench.message()));
    let held = tokio::spawn(bench.gateway.clone().oneshot(outer(first)));
    entered.notified().await;
    let refused = bench.post(second.clone()).await;
    assert_problem(&refused, 503, "about:blank");
    assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
    release.notify_one();
    held.await.unwrap().unwrap();
    release.notify_one();
    assert_shows_nothing(&bench.post(second).await);
}

#[tokio::test]
async fn without_random_bytes_nothing_is_opened() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    bench.surroundings.dry_up();
    assert_problem(&bench.post(request).await, 503, "about:blank");
    assert_eq!(bench.dispatched(), 0);
}
