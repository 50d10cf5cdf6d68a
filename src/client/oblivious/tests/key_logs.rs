//! A client that asks the relay's log about each list.

use std::{collections::HashMap, sync::Arc, time::UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, StatusCode};
use ohttp::hpke::Kem;

use super::{
    fetching::{given, giving, package, request},
    gateway::Gateway,
    stage::{Script, Stage, answer, follower, key_list, key_log, now},
};
use crate::client::{
    http::ChannelError,
    oblivious::{FetchError, KEY_LOG_MAX, KeyLogCheck, KeyLogError, KeyLogMark, KeyPackageFetcher},
};

fn gateway() -> Arc<Gateway> {
    Gateway::new(Kem::X25519Sha256, giving(vec![given(vec![package("bob")])]))
}

fn checking(stage: &Stage, seen: Option<KeyLogMark>) -> KeyPackageFetcher {
    let seen: HashMap<_, _> = seen.map(|mark| (follower(), mark)).into_iter().collect();
    stage.fetcher().with_key_log(KeyLogCheck { seen, ..KeyLogCheck::default() })
}

async fn fetch(fetcher: &KeyPackageFetcher) -> Result<(), FetchError> {
    fetcher.fetch(&follower(), vec![request(b"bob")]).await.map(drop)
}

/// Has everybody serve this gateway's list.
fn serve(script: &Script, gateway: &Arc<Gateway>) {
    *script.own.lock().unwrap() = key_list(gateway.key_list());
    *script.copy.lock().unwrap() = key_list(gateway.key_list());
    let gateway = Arc::clone(gateway);
    script.on_forward(move |arrived| answer(StatusCode::OK, "message/ohttp-res", gateway.serve(&arrived.body)));
}

#[tokio::test]
async fn the_log_is_asked_once_for_each_list_and_by_nobody() {
    let script = Script::honest(&gateway());
    let stage = Stage::new(&script).await;
    let fetcher = checking(&stage, None);
    assert_eq!(fetcher.key_log(&follower()), None);
    fetch(&fetcher).await.unwrap();
    fetch(&fetcher).await.unwrap();
    let report = fetcher.key_log(&follower()).unwrap();
    assert_eq!((report.lists, report.is_continued, report.refused), (1, false, 0));
    let arrived = script.arrived.lock().unwrap();
    let logs: Vec<_> = arrived.iter().filter(|arrived| arrived.uri.ends_with("/keys/log")).collect();
    assert_eq!((logs.len(), logs[0].headers.len()), (1, 0), "no token, no field");
    assert_eq!(logs[0].uri, "https://relay.test/v1/relay/follower.example/keys/log");
}

#[tokio::test]
async fn a_list_for_this_client_alone_stands_in_no_log() {
    // Relay and gateway show it the same list, which nobody else ever got.
    let (everybodys, mine) = (gateway(), gateway());
    let script = Script::honest(&everybodys);
    let stage = Stage::new(&script).await;
    serve(&script, &mine);
    for log in [
        key_log(&[(&everybodys.key_list(), 1, false)]),
        // As one that was refused, it is evidence.
        key_log(&[(&everybodys.key_list(), 1, false), (&mine.key_list(), 1, true)]),
        key_log(&[(&mine.key_list(), 1, false), (&everybodys.key_list(), 5, false), (&Bytes::new(), 9, false)]),
    ] {
        *script.log.lock().unwrap() = log;
        let fetcher = checking(&stage, None);
        assert_eq!(fetch(&fetcher).await, Err(KeyLogError::Absent.into()));
        assert_eq!(fetcher.key_log(&follower()), None);
    }
    assert_eq!(script.count(&Method::POST), 0);
    // Who does not ask is not told.
    fetch(&stage.fetcher()).await.unwrap();
}

#[tokio::test]
async fn the_next_list_must_go_on_from_the_log_that_was_seen() {
    let (first, second) = (gateway(), gateway());
    let script = Script::honest(&first);
    let stage = Stage::new(&script).await;
    // Used once, so that each fetch looks again.
    *script.own.lock().unwrap() = answer(StatusCode::OK, "application/ohttp-keys", first.key_list());
    let fetcher = checking(&stage, None);
    fetch(&fetcher).await.unwrap();
    let seen = fetcher.key_log(&follower()).unwrap().mark;

    // A log that was made up for this client, in the same run and after another start.
    serve(&script, &second);
    *script.log.lock().unwrap() = key_log(&[(&second.key_list(), 1, false)]);
    for fetcher in [&fetcher, &checking(&stage, Some(seen))] {
        assert_eq!(fetch(fetcher).await, Err(KeyLogError::Forked.into()));
    }
    *script.log.lock().unwrap() = key_log(&[(&first.key_list(), 1, false), (&second.key_list(), 2, false)]);
    for fetcher in [&fetcher, &checking(&stage, Some(seen))] {
        fetch(fetcher).await.unwrap();
        let report = fetcher.key_log(&follower()).unwrap();
        assert!(report.is_continued && report.lists == 2 && report.mark != seen);
    }
}

/// A key that had to be replaced at once: the relay's operator let the new list pass.
#[tokio::test]
async fn a_list_that_came_too_soon_is_used_by_the_same_fetcher_when_it_has_stood() {
    let (first, second) = (gateway(), gateway());
    let script = Script::honest(&first);
    let stage = Stage::new(&script).await;
    *script.own.lock().unwrap() = answer(StatusCode::OK, "application/ohttp-keys", first.key_list());
    let fetcher = checking(&stage, None);
    fetch(&fetcher).await.unwrap();
    let seen = fetcher.key_log(&follower()).unwrap().mark;
    serve(&script, &second);
    let today = now().duration_since(UNIX_EPOCH).unwrap().as_secs() / 86_400;
    let quick =
        |day| key_log(&[(&first.key_list(), 1, false), (&Bytes::new(), day, false), (&second.key_list(), day, false)]);
    *script.log.lock().unwrap() = quick(today + 1);
    for fetcher in [&fetcher, &checking(&stage, None)] {
        let refused = fetch(fetcher).await;
        assert_eq!(refused, Err(KeyLogError::TooFast(3).into()));
        assert_ne!(fetcher.key_log(&follower()).map(|report| report.lists), Some(3), "not taken for good");
    }
    assert_eq!(script.count(&Method::POST), 1);
    *script.log.lock().unwrap() = quick(today - 1);
    for fetcher in [&fetcher, &checking(&stage, Some(seen))] {
        fetch(fetcher).await.unwrap();
        let report = fetcher.key_log(&follower()).unwrap();
        assert_eq!((report.is_continued, report.lists, report.too_fast), (true, 3, 1));
    }
}

#[tokio::test]
async fn without_a_log_there_is_no_fetch() {
    let script = Script::honest(&gateway());
    let stage = Stage::new(&script).await;
    let fetcher = checking(&stage, None);
    for (log, error) in [
        (answer(StatusCode::NOT_FOUND, "text/plain", ""), KeyLogError::NoLog(404)),
        (answer(StatusCode::OK, "text/html", ""), KeyLogError::NoLog(200)),
        (answer(StatusCode::OK, "application/jsonl", "{}\n"), KeyLogError::Broken(1)),
        (answer(StatusCode::OK, "application/jsonl", ""), KeyLogError::Absent),
        (answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", ""), KeyLogError::NoLog(503)),
    ] {
        *script.log.lock().unwrap() = log;
        let refused = fetch(&fetcher).await.unwrap_err();
        assert_eq!(refused, error.into());
        assert_eq!(refused.is_transient(), error == KeyLogError::NoLog(503));
    }
    // A log without end is not read to its end.
    *script.log.lock().unwrap() = answer(StatusCode::OK, "application/jsonl", vec![b' '; KEY_LOG_MAX + 1]);
    assert_eq!(fetch(&fetcher).await, Err(FetchError::Relay(ChannelError::ResponseTooLarge)));
    assert_eq!(script.count(&Method::POST), 0);
}
