//! Dates of requests (RFC 9458 §6.5.1, §6.5.2).

use http::HeaderValue;

use super::bench::{Bench, encode, inner};
use crate::{DATE, Outcome, binary, tests::START_MS};

/// RFC 9458 §6.5.1, §6.5.2.
#[tokio::test]
async fn a_date_outside_of_the_window_is_answered_with_the_time() {
    let bench = Bench::new();
    let dated = |date: HeaderValue| {
        let mut message = inner("/v1/key-package");
        message.put_header("date", date.as_bytes());
        encode(&message)
    };
    for late in [121_000, 122_000, 86_400_000] {
        for now_ms in [START_MS - late, START_MS + late] {
            let answer = bench.ask(&dated(binary::format_date(now_ms))).await;
            assert_eq!(answer.status, 400);
            assert!(answer.problem().contains(DATE));
            assert_eq!(answer.field("date"), bench.now().to_str().ok());
            assert_eq!(answer.field("cache-control"), Some("no-store"));
        }
    }
    assert_eq!((bench.count(Outcome::WrongDate), bench.dispatched()), (6, 0));
    for now_ms in [START_MS - 120_000, START_MS, START_MS + 120_000] {
        assert_eq!(bench.ask(&dated(binary::format_date(now_ms))).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_without_one_date_is_refused() {
    let bench = Bench::new();
    let mut twice = bench.message();
    twice.put_header("date", bench.now().as_bytes());
    let mut no_date = inner("/v1/key-package");
    no_date.put_header("date", "yesterday");
    for message in [inner("/v1/key-package"), twice, no_date] {
        let answer = bench.ask(&encode(&message)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.problem().contains(DATE));
        assert_eq!(answer.field("date"), bench.now().to_str().ok());
    }
    assert_eq!((bench.count(Outcome::NoDate), bench.dispatched()), (3, 0));
}
