//! Fetches a gateway's key list again and again, on the relay's own behalf.
//!
//! The relay asks when the list's time is over, never because a client asked: what clients do does not show in what is
//! fetched.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, StatusCode,
    header::{CACHE_CONTROL, ETAG},
};
use http_body_util::{BodyExt, Limited};
use tokio::time::{Instant, sleep, timeout_at};

use super::{Fetched, KeyTrouble, Offer, key_list::LIST_BYTES_MAX, pace::Pace};
use crate::{
    counters::{Counters, KeyFetch},
    limits::KeyLimits,
    outer_fields::{KEYS_TYPE, has_type, key_request},
    routes::Route,
};

/// For a list that says nothing of its age.
const MAX_AGE_DEFAULT: Duration = Duration::from_secs(60 * 60);
/// Longer entity tags are not kept.
const ETAG_BYTES_MAX: usize = 256;

/// What a refresher needs besides the gateway.
#[derive(Clone)]
pub(crate) struct Refreshing {
    pub(crate) limits: KeyLimits,
    /// How long one look may take.
    pub(crate) exchange: Duration,
    pub(crate) counters: Arc<Counters>,
    /// Milliseconds since 1970.
    pub(crate) now_ms: fn() -> u64,
}

enum Answer {
    List { bytes: Bytes, etag: Option<HeaderValue>, max_age: Option<Duration> },
    NotModified { max_age: Option<Duration> },
    Unusable,
}

/// Keeps the copy of a gateway's list fresh until it is aborted.
pub(crate) async fn keep_fresh(route: Arc<Route>, refreshing: Refreshing) {
    let mut pace = Pace::new();
    loop {
        let outcome = look(&route, &refreshing).await;
        refreshing.counters.key_fetches.add(outcome);
        report(outcome, &route);
        let next = match outcome {
            KeyFetch::Unchanged | KeyFetch::Changed => {
                let max_age = route.keys.list().map_or(MAX_AGE_DEFAULT, |list| list.max_age);
                pace.after_list(max_age, &refreshing.limits)
            }
            KeyFetch::Unreachable | KeyFetch::Unusable | KeyFetch::TooSoon | KeyFetch::NotRecorded => {
                pace.after_failure()
            }
        };
        sleep(next).await;
    }
}

/// Gateways are told apart by their place in the configuration: no name reaches a log.
fn report(outcome: KeyFetch, route: &Route) {
    let gateway = route.place;
    match outcome {
        KeyFetch::Unchanged => tracing::debug!(gateway, "a key list is as it was"),
        KeyFetch::Changed => tracing::info!(gateway, "a new key list is served"),
        KeyFetch::TooSoon => {
            tracing::warn!(
                gateway,
                "a key list changed sooner than limits.key_change_min_hours: the old one is served"
            );
        }
        KeyFetch::Unusable => tracing::warn!(gateway, "a gateway gave no usable key list"),
        KeyFetch::Unreachable => tracing::warn!(gateway, "a gateway's key list could not be fetched"),
        KeyFetch::NotRecorded => tracing::error!(gateway, "a new key list could not be recorded, and is not served"),
    }
}

async fn look(route: &Arc<Route>, refreshing: &Refreshing) -> KeyFetch {
    let Refreshing { limits, exchange, now_ms, .. } = refreshing;
    let known = route.keys.list();
    let etag = known.as_ref().and_then(|list| list.gateway_etag.clone());
    let deadline = Instant::now() + *exchange;
    let answer = match timeout_at(deadline, fetch(route, etag, deadline)).await {
        Ok(Some(answer)) => answer,
        Ok(None) | Err(_) => {
            route.keys.set_trouble(KeyTrouble::Unreachable);
            return KeyFetch::Unreachable;
        }
    };
    let bounded = |max_age: Option<Duration>| max_age.unwrap_or(MAX_AGE_DEFAULT).min(limits.refresh_max);
    let validated = Instant::now();
    match (answer, known) {
        (Answer::NotModified { max_age }, Some(known)) => {
            route.keys.confirm(&known, bounded(max_age), validated);
            KeyFetch::Unchanged
        }
        (Answer::List { bytes, etag, max_age }, _) => {
            let fetched = Fetched { bytes, etag, max_age: bounded(max_age), now_ms: now_ms(), validated };
            let (keys, change_min) = (route.keys.clone(), limits.change_min);
            match tokio::task::spawn_blocking(move || keys.offer(fetched, change_min)).await {
                Ok(Offer::Unchanged) => KeyFetch::Unchanged,
                Ok(Offer::Changed) => KeyFetch::Changed,
                Ok(Offer::TooSoon) => KeyFetch::TooSoon,
                Ok(Offer::Unusable(_)) => KeyFetch::Unusable,
                Ok(Offer::NotRecorded(_)) | Err(_) => KeyFetch::NotRecorded,
            }
        }
        (Answer::NotModified { .. } | Answer::Unusable, _) => {
            route.keys.set_trouble(KeyTrouble::NoList);
            KeyFetch::Unusable
        }
    }
}

/// `None` when no answer came.
async fn fetch(route: &Route, etag: Option<HeaderValue>, deadline: Instant) -> Option<Answer> {
    let (response, lease) = route.upstream.send(key_request(route.uri.clone(), etag), deadline).await.ok()?;
    let (head, body) = response.into_parts();
    let max_age = max_age(&head.headers);
    if head.status == StatusCode::NOT_MODIFIED {
        body.collect().await.ok()?;
        lease.give_back();
        return Some(Answer::NotModified { max_age });
    }
    if head.status != StatusCode::OK || !has_type(&head.headers, KEYS_TYPE) {
        return Some(Answer::Unusable);
    }
    let Ok(content) = Limited::new(body, LIST_BYTES_MAX).collect().await else { return Some(Answer::Unusable) };
    lease.give_back();
    let etag = head.headers.get(ETAG).filter(|etag| etag.len() <= ETAG_BYTES_MAX).cloned();
    Some(Answer::List { bytes: content.to_bytes(), etag, max_age })
}

/// `max-age` of `Cache-Control`; `None` when it is not there or no number.
fn max_age(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).iter().filter_map(|value| value.to_str().ok());
    let mut directives = values.flat_map(|value| value.split(',')).map(str::trim);
    let seconds = directives.find_map(|directive| {
        let (name, seconds) = directive.split_once('=')?;
        name.eq_ignore_ascii_case("max-age").then_some(seconds)
    });
    seconds?.trim_matches('"').parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_age_is_found_among_other_directives() {
        let with = |value: &'static str| {
            max_age(&HeaderMap::from_iter([(CACHE_CONTROL, HeaderValue::from_static(value))])).map(|age| age.as_secs())
        };
        assert_eq!(with("max-age=60"), Some(60));
        assert_eq!(with("public, Max-Age=\"3600\", immutable"), Some(3600));
        for value in
            ["", "no-store", "max-age", "max-age=", "max-age=-1", "max-age=99999999999999999999", "s-max-age=5"]
        {
            assert_eq!(with(value), None, "{value}");
        }
    }
}
