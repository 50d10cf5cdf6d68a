//! What the target is given, and what becomes of its answer.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};

use super::bench::{Bench, assert_shows_nothing, encode, inner, outer};
use crate::{Outcome, Policy, RelayIdentity, SMALLEST_CLASS};

#[tokio::test]
async fn a_request_reaches_the_target_and_its_answer_the_client() {
    let bench = Bench::new();
    let answer = bench.ask(&encode(&bench.message())).await;
    assert_eq!((answer.status, answer.content.as_slice()), (200, &b"question"[..]));
    assert_eq!(bench.count(Outcome::Answered), 1);
    let seen = bench.seen.lock().unwrap();
    assert_eq!(seen[0].method(), Method::POST);
    assert_eq!(seen[0].uri(), "https://follower.example/v1/key-package");
    assert_eq!(seen[0].headers()[header::CONTENT_TYPE], "application/octet-stream");
}

#[tokio::test]
async fn the_relay_is_told_to_the_target_and_to_nobody_else() {
    let bench = Bench::new();
    let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
    request.extensions_mut().insert(RelayIdentity("relay.example".into()));
    request.headers_mut().insert("x-tag", HeaderValue::from_static("client 7"));
    assert_shows_nothing(&bench.send(request).await);
    let seen = bench.seen.lock().unwrap();
    assert_eq!(seen[0].extensions().get::<RelayIdentity>(), Some(&RelayIdentity("relay.example".into())));
    // Tagging: nothing of the outer request's fields gets inside.
    let names: Vec<_> = seen[0].headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "date"]);
}

/// Size correlation: the relay sees the class of the question and nothing about the answer.
#[tokio::test]
async fn the_size_of_an_answer_says_what_was_asked_and_not_what_was_answered() {
    let bench = Bench::with(Policy::default(), |request| {
        let length: usize = request.headers()["x-length"].to_str().unwrap().parse().unwrap();
        let mut response = Response::new(Bytes::from(vec![1; length]));
        *response.status_mut() = if length == 7 { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        Box::pin(std::future::ready(Ok(response)))
    });
    // 16 bytes of nonce and 16 of tag around the class.
    for (path, class) in [("/v1/key-package", SMALLEST_CLASS), ("/v1/key-packages", 32 * 1024)] {
        let mut wrong_date = inner(path);
        wrong_date.put_header("date", "Sat, 21 Nov 2020 05:00:00 GMT");
        assert_eq!(bench.ask(&encode(&wrong_date)).await.outer_length, class + 32);
        for (length, status) in [(0, 200), (7, 401), (class - 500, 200), (class, 500), (2 * class, 500)] {
            let mut message = inner(path);
            message.put_header("date", bench.now().as_bytes());
            message.put_header("x-length", length.to_string().as_bytes());
            let answer = bench.ask(&encode(&message)).await;
            assert_eq!((answer.status, answer.outer_length), (status, class + 32), "{path} {length}");
        }
    }
    assert_eq!(bench.ask(b"junk").await.outer_length, SMALLEST_CLASS + 32);
    let mut elsewhere = inner("/elsewhere");
    elsewhere.put_header("date", bench.now().as_bytes());
    assert_eq!(bench.ask(&encode(&elsewhere)).await.outer_length, SMALLEST_CLASS + 32);
    assert_eq!(bench.count(Outcome::AnswerTooLarge), 4);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_is_a_sealed_504() {
    let bench = Bench::with(Policy::default(), |_| Box::pin(std::future::pending()));
    let begun = tokio::time::Instant::now();
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 504);
    assert_eq!(begun.elapsed().as_secs(), Duration::from_secs(10).as_secs());
    assert_eq!(bench.count(Outcome::TargetTimeout), 1);
}

/// RFC 9458 §5: what the target says is not for the relay, whatever it is.
#[tokio::test]
async fn errors_of_the_target_are_sealed() {
    for status in [301, 400, 401, 404, 500, 503] {
        let bench = Bench::with(Policy::default(), move |_| {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("https://elsewhere.example/"));
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Box::pin(std::future::ready(Ok(response)))
        });
        let answer = bench.ask(&encode(&bench.message())).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("location"), Some("https://elsewhere.example/"));
        assert_eq!(answer.field("connection"), None);
    }
}
