//! What is wrong with a request is said inside once it was opened.

use http::{HeaderValue, header};

use super::bench::{Bench, assert_problem, encode, outer};
use crate::Outcome;

/// RFC 9458 §5.1: the expectation cannot be met, outside or inside.
#[tokio::test]
async fn expectations_are_errors() {
    let bench = Bench::new();
    let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    assert_problem(&bench.send(request).await, 417, "about:blank");
    let mut message = bench.message();
    message.put_header("expect", "100-continue");
    assert_eq!(bench.ask(&encode(&message)).await.status, 417);
    assert_eq!((bench.count(Outcome::ExpectationInside), bench.dispatched()), (1, 0));
}

#[tokio::test]
async fn what_is_wrong_inside_is_said_inside() {
    let bench = Bench::new();
    let answer = bench.ask(b"no binary message").await;
    assert_eq!(answer.status, 400);
    assert!(answer.problem().contains("not a valid binary request"));
    let mut padded = encode(&bench.message());
    padded.push(1);
    assert_eq!(bench.ask(&padded).await.status, 400);
    assert_eq!((bench.count(Outcome::Malformed), bench.dispatched()), (2, 0));
}

/// No SSRF: only the one authority, the listed paths and methods.
#[tokio::test]
async fn what_is_not_listed_does_not_reach_the_target() {
    let bench = Bench::new();
    let ask = |method: &str, scheme: &str, authority: &str, path: &str| {
        let mut message = bhttp::Message::request(method.into(), scheme.into(), authority.into(), path.into());
        message.put_header("date", bench.now().as_bytes());
        encode(&message)
    };
    for (message, status) in [
        (ask("POST", "https", "hub.example", "/v1/key-package"), 421),
        (ask("POST", "https", "127.0.0.1", "/v1/key-package"), 421),
        (ask("POST", "https", "follower.example:22", "/v1/key-package"), 421),
        (ask("POST", "http", "follower.example", "/v1/key-package"), 421),
        (ask("POST", "https", "follower.example", "/v1/send"), 404),
        (ask("POST", "https", "follower.example", "/v1/key-package/../send"), 404),
        (ask("POST", "https", "follower.example", "/v1/key-package?user=1"), 404),
        (ask("GET", "https", "follower.example", "/v1/key-package"), 405),
        (ask("CONNECT", "https", "follower.example", "/v1/key-package"), 405),
    ] {
        assert_eq!(bench.ask(&message).await.status, status);
    }
    assert_eq!((bench.count(Outcome::NotAllowed), bench.dispatched()), (9, 0));
}
