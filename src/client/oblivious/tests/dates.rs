//! Clocks that disagree (RFC 9458 §6.5).

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::Method;
use ohttp::hpke::Kem;

use super::{
    fetching::{given, giving, package, request},
    gateway::{Gateway, Inner, Reply},
    stage::{Script, Stage, follower, now},
};
use crate::client::{
    Problem,
    oblivious::{FetchError, Kems},
};

const DATE: &str = "https://iana.org/assignments/http-problem-types#date";

fn wrong_date(date: Option<SystemTime>) -> Reply {
    let fields = date.map(|date| ("date", httpdate::fmt_http_date(date)));
    Reply::problem(400, DATE, fields.into_iter().collect())
}

/// A target that takes dates within two minutes of its own time.
fn within_two_minutes(inner: &Inner, time: SystemTime) -> Option<Reply> {
    let date = httpdate::parse_http_date(inner.field("date")).unwrap();
    let apart = date.duration_since(time).or_else(|_| time.duration_since(date)).unwrap();
    (apart > Duration::from_secs(120)).then(|| wrong_date(Some(time)))
}

#[tokio::test]
async fn the_date_is_the_clocks_to_the_second() {
    let gateway = Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]));
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let clock = || UNIX_EPOCH + Duration::from_millis(1_644_193_685_999);
    stage.fetcher_at(Kems::WithHybrid, clock).fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    assert_eq!(gateway.seen.lock().unwrap()[0].field("date"), "Mon, 07 Feb 2022 00:28:05 GMT");
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_once_and_forgotten() {
    let give = giving(vec![given(vec![package("bob")])]);
    let gateway =
        Gateway::new(Kem::X25519Sha256, move |inner| within_two_minutes(inner, now()).unwrap_or_else(|| give(inner)));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    // An hour ahead: KeyPackages that were made just now hold all the same.
    let fetcher = stage.fetcher_at(Kems::WithHybrid, || now() + Duration::from_secs(3600));
    for fetches in 1..=2 {
        let fetched = fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
        assert_eq!(fetched[0].key_packages.len(), 1);
        // What the gateway said in the first fetch is not used in the second.
        assert_eq!(script.count(&Method::POST), 2 * fetches);
    }
    let seen = gateway.seen.lock().unwrap();
    let apart = httpdate::parse_http_date(seen[2].field("date")).unwrap().duration_since(now()).unwrap();
    assert!(apart >= Duration::from_secs(3500), "{apart:?}");
    assert_eq!(seen[0].body, seen[1].body, "the same question");
    // The 32 bytes of `enc` behind the header: another context.
    let arrived = script.arrived.lock().unwrap();
    let posts: Vec<_> = arrived.iter().filter(|arrived| arrived.method == Method::POST).collect();
    assert_ne!(posts[0].body[7..39], posts[1].body[7..39]);
}

#[tokio::test]
async fn a_gateway_that_refuses_its_own_date_is_not_asked_again() {
    let gateway = Gateway::new(Kem::X25519Sha256, |_| wrong_date(Some(UNIX_EPOCH + Duration::from_secs(1))));
    let script = Script::honest(&gateway);
    let stage = Stage::new(&script).await;
    let refused = stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(refused, Err(FetchError::Date));
    assert_eq!(script.count(&Method::POST), 2);
    assert_eq!(gateway.seen.lock().unwrap()[1].field("date"), "Thu, 01 Jan 1970 00:00:01 GMT");
}

#[tokio::test]
async fn a_refusal_without_a_date_or_of_another_type_is_only_a_refusal() {
    let replies = [
        wrong_date(None),
        Reply::problem(400, DATE, vec![("date", "yesterday".to_owned())]),
        Reply::problem(400, "about:blank", vec![("date", httpdate::fmt_http_date(now()))]),
        Reply { fields: vec![("date", httpdate::fmt_http_date(now()))], ..wrong_date(None) },
    ];
    for reply in replies {
        let said = reply.clone();
        let gateway = Gateway::new(Kem::X25519Sha256, move |_| said.clone());
        let script = Script::honest(&gateway);
        let stage = Stage::new(&script).await;
        let refused = stage.fetcher().fetch(&follower(), vec![request(b"bob")]).await;
        let problem = Problem { status: 400, code: None, retry_after: None };
        assert_eq!(refused, Err(FetchError::Problem(problem)), "{reply:?}");
        assert_eq!(script.count(&Method::POST), 1, "{reply:?}");
    }
}

#[tokio::test]
async fn a_pause_hides_how_far_away_we_are() {
    let date = UNIX_EPOCH + Duration::from_secs(1_000_000);
    let calls = Arc::new(Mutex::new(0));
    let count = Arc::clone(&calls);
    let give = giving(vec![given(vec![package("bob")])]);
    let gateway = Gateway::new(Kem::X25519Sha256, move |inner| {
        *count.lock().unwrap() += 1;
        if *count.lock().unwrap() == 1 { wrong_date(Some(date)) } else { give(inner) }
    });
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let (fetcher, begin) = (stage.fetcher_with(|| 1000), tokio::time::Instant::now());
    fetcher.fetch(&follower(), vec![request(b"bob")]).await.unwrap();
    assert!(begin.elapsed() >= Duration::from_secs(1));
    // The date counts the pause in.
    let seen = gateway.seen.lock().unwrap();
    assert_eq!(seen[1].field("date"), httpdate::fmt_http_date(date + Duration::from_secs(1)));
}

/// With the pause on top, the year would have five digits.
#[tokio::test]
async fn the_last_date_that_there_is_stops_nobody() {
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    let gateway = Gateway::new(Kem::X25519Sha256, move |_| wrong_date(Some(last)));
    let stage = Stage::new(&Script::honest(&gateway)).await;
    let refused = stage.fetcher_with(|| 1000).fetch(&follower(), vec![request(b"bob")]).await;
    assert_eq!(refused, Err(FetchError::Date));
    assert_eq!(gateway.seen.lock().unwrap()[1].field("date"), "Fri, 31 Dec 9999 23:59:59 GMT");
}
