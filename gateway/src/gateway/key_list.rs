//! The list of keys: the same bytes and fields for everybody (RFC 9540 §5, key consistency).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

use super::Shared;
use crate::media_type;

pub(super) fn answer(shared: &Shared, method: &Method, asked: &HeaderMap) -> Response<Full<Bytes>> {
    let (keys, next_change_ms) = shared.keyring.published();
    let list = keys.list();
    let known = asked.get_all(header::IF_NONE_MATCH).iter().any(|value| matches(value, keys.etag()));
    let body = if known || method == Method::HEAD { Bytes::new() } else { list.clone() };
    let mut response = Response::new(Full::new(body));
    let fields = response.headers_mut();
    let max_age = max_age(shared, next_change_ms);
    if let Ok(value) = HeaderValue::try_from(format!("public, max-age={max_age}")) {
        fields.insert(header::CACHE_CONTROL, value);
    }
    if let Ok(value) = HeaderValue::try_from(keys.etag()) {
        fields.insert(header::ETAG, value);
    }
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::OHTTP_KEYS));
        fields.insert(header::CONTENT_LENGTH, list.len().into());
    }
    response
}

/// A change is published within a second or two after it is due ([`Keyring::rest`](crate::Keyring::rest)), and is then
/// on its way from the disk. A relay that looks so many seconds after it was due finds it, and has it before clients
/// look again that found the two lists different. What it replaces is still accepted for long.
const AFTER_CHANGE: u64 = 5;

/// Relays look at most so often by default, whatever the list says. Seconds.
const RELAYS_PACE: u64 = 60;

/// Seconds that the list may be cached: until a few after its next change, so that relays fetch it when it has changed
/// and their copy differs from the gateway's own list for seconds at most. Of the looks before that none shall come so
/// shortly before the change that the relay would miss it by its own pace.
fn max_age(shared: &Shared, next_change_ms: u64) -> u64 {
    let stays_ms = next_change_ms.saturating_sub(shared.surroundings.now_ms());
    let changed = stays_ms.div_ceil(1000).saturating_add(AFTER_CHANGE);
    let most = shared.policy.list_max_age.as_secs().max(1);
    match changed.checked_sub(most) {
        None | Some(0) => changed,
        Some(rest) if rest <= RELAYS_PACE + AFTER_CHANGE => (changed / 2).min(most),
        Some(_) => most,
    }
}

/// `If-None-Match` compares weakly (RFC 9110 §13.1.2).
fn matches(value: &HeaderValue, etag: &str) -> bool {
    let Ok(value) = value.to_str() else { return false };
    value.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}
