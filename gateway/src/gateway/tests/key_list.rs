//! The list of keys, and the keys that are in it.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;

use super::bench::{Bench, echo, encode, open};
use crate::{Kem, Policy, RelayIdentity, gateway::WELL_KNOWN, machine::Surroundings as _};

#[tokio::test]
async fn every_key_of_the_list_works() {
    let bench = Bench::new();
    for kem in Kem::ALL {
        let client = ohttp::ClientRequest::from_encoded_config(&bench.config(kem)).unwrap();
        let (request, response) = client.encapsulate(&encode(&bench.message())).unwrap();
        let answer = bench.post(request).await;
        assert_eq!(open(&answer, response).content, b"question", "{kem:?}");
    }
}

/// RFC 9540 §4, §5; RFC 9458 §3.2.
#[tokio::test]
async fn the_list_is_given_directly_with_a_validator() {
    let bench = Bench::new();
    let get = |method: Method, tag: Option<&str>| {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = WELL_KNOWN.parse().unwrap();
        if let Some(tag) = tag {
            request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
        }
        bench.send(request)
    };
    let list = get(Method::GET, None).await;
    assert_eq!(list.status(), StatusCode::OK);
    assert_eq!(list.headers()[header::CONTENT_TYPE], "application/ohttp-keys");
    assert_eq!(list.headers()[header::CACHE_CONTROL], "public, max-age=600");
    assert_eq!(ohttp::KeyConfig::decode_list(list.body()).unwrap().len(), 2);
    let etag = list.headers()[header::ETAG].to_str().unwrap().to_owned();

    let head = get(Method::HEAD, None).await;
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
    assert_eq!(head.headers()[header::CONTENT_LENGTH], list.body().len().to_string());

    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let answer = get(Method::GET, Some(&known)).await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(answer.headers()[header::ETAG], etag);
    }
    assert_eq!(get(Method::GET, Some("\"another\"")).await.body(), list.body());
}

/// Whoever caches the list asks again when it has changed, and not some minutes later.
#[tokio::test]
async fn the_list_is_cached_until_its_next_change_at_most() {
    let bench = Bench::new();
    let ask = async || {
        let list = bench.send(Request::get(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap()).await;
        list.headers()[header::CACHE_CONTROL].to_str().unwrap().to_owned()
    };
    let next_change_ms = bench.keyring.next_change_ms();
    for (before_ms, max_age) in [
        (3_600_000, 600),
        (660_001, 600),
        (660_000, 332),
        (595_001, 300),
        (595_000, 600),
        (594_000, 599),
        (1, 6),
        (0, 5),
    ] {
        bench.surroundings.set(next_change_ms - before_ms);
        assert_eq!(ask().await, format!("public, max-age={max_age}"), "{before_ms} ms before");
    }
    bench.surroundings.pass(60_000);
    assert_eq!(ask().await, "public, max-age=5", "a change that is overdue");
    bench.keyring.refresh(bench.surroundings.as_ref()).unwrap();
    assert_eq!(ask().await, "public, max-age=600");
}

#[tokio::test]
async fn the_list_is_cached_no_longer_than_the_operator_says() {
    let policy = Policy { list_max_age: Duration::from_secs(30), ..Policy::default() };
    let bench = Bench::with(policy, echo);
    let next_change_ms = bench.keyring.next_change_ms();
    for before_ms in (0..200_000).step_by(500) {
        bench.surroundings.set(next_change_ms - before_ms);
        let list = bench.send(Request::get(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap()).await;
        let said = list.headers()[header::CACHE_CONTROL].to_str().unwrap();
        let seconds: u64 = said.strip_prefix("public, max-age=").unwrap().parse().unwrap();
        assert!((1..=30).contains(&seconds), "{seconds} s, {before_ms} ms before a change");
    }
}

/// A relay that looks when `max-age` is over, but at most once a minute, has a changed list seconds after the gateway,
/// whenever it looked first. As long as the two differ, clients take that for key targeting.
#[tokio::test]
async fn a_relay_s_copy_differs_for_seconds_at_a_scheduled_change() {
    const RELAY_REFRESH_MIN: u64 = 60;
    let (bench, mut changes) = (Bench::new(), 0);
    for phase in (0..700).step_by(7) {
        let (change_ms, before) = (bench.keyring.next_change_ms(), bench.keyring.live().list().clone());
        bench.surroundings.set(change_ms - 1_500_000 - phase * 1000);
        let mut is_published = false;
        loop {
            let list = bench.send(Request::get(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap()).await;
            let now_ms = bench.surroundings.now_ms();
            if is_published {
                assert!(now_ms - change_ms < 6_000, "{phase}: {} ms late", now_ms - change_ms);
                assert_eq!(list.body(), bench.keyring.live().list());
                changes += u32::from(*list.body() != before);
                break;
            }
            let age = list.headers()[header::CACHE_CONTROL].to_str().unwrap().rsplit_once('=').unwrap().1;
            let next_ms = now_ms + age.parse::<u64>().unwrap().max(RELAY_REFRESH_MIN) * 1000;
            // What keeps the keys fresh wakes when the change is due, or a second later.
            let published_ms = change_ms + 1000;
            if next_ms >= published_ms {
                bench.surroundings.set(published_ms);
                bench.keyring.refresh(bench.surroundings.as_ref()).unwrap();
                is_published = true;
            }
            bench.surroundings.set(next_ms);
        }
    }
    // Two of three times it is the list that changes; then a key is no longer accepted.
    assert_eq!(changes, 67);
}

/// Key targeting: whoever asks, however, gets the same.
#[tokio::test]
async fn the_list_is_the_same_for_everybody() {
    let bench = Bench::new();
    let mut answers = Vec::new();
    for (name, value) in [("accept", "*/*"), ("user-agent", "a"), ("cookie", "id=7"), ("x-forwarded-for", "192.0.2.1")]
    {
        let mut request = Request::get(WELL_KNOWN).header(name, value).body(Full::new(Bytes::new())).unwrap();
        request.extensions_mut().insert(RelayIdentity(value.into()));
        let answer = bench.send(request).await;
        answers.push((answer.headers().clone(), answer.into_body()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}
