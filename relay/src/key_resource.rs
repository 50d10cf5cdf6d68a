//! The relay's copies of key lists, and their logs, as anybody may read them.
//!
//! # Privacy
//! No token is asked for, and none is looked at: an answer that does not know who asks cannot differ by who asks.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, IF_NONE_MATCH},
};
use http_body_util::Full;
use tokio::time::Instant;

use crate::{failure::Failure, keys::Keys, outer_fields::key_list_fields};

/// `GET /v1/relay/{provider}/keys`: the list, byte for byte as the gateway gave it.
pub(crate) fn list(keys: &Keys, headers: &HeaderMap, now: Instant) -> Result<Response<Full<Bytes>>, Failure> {
    let list = keys.list().ok_or(Failure::NoKeyList)?;
    let max_age = list.max_age.as_secs();
    // A list from before the start is as old as it may be.
    let age = list.validated.map_or(max_age, |validated| now.saturating_duration_since(validated).as_secs());
    let is_known = headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &list.etag));
    let mut response = Response::new(Full::new(if is_known { Bytes::new() } else { list.bytes.clone() }));
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    key_list_fields(response.headers_mut(), &list.etag, age, max_age);
    Ok(response)
}

/// Whether `If-None-Match` names an entity tag.
fn names(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let tags = tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let mut bare = tags.map(|tag| tag.strip_prefix(b"W/").unwrap_or(tag));
    bare.any(|tag| tag == etag.as_bytes() || tag == b"*")
}

/// `GET /v1/relay/{provider}/keys/log`: one line of JSON for each list that was ever served.
pub(crate) fn log(keys: &Keys) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(keys.log_text()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/jsonl"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_found_in_lists_and_weak_ones_too() {
        let etag = HeaderValue::from_static("\"abc\"");
        for known in ["\"abc\"", "\"x\", \"abc\"", "W/\"abc\"", "*"] {
            assert!(names(&HeaderValue::from_str(known).unwrap(), &etag), "{known}");
        }
        for other in ["", "abc", "\"ab\"", "\"x\",\"y\""] {
            assert!(!names(&HeaderValue::from_str(other).unwrap(), &etag), "{other}");
        }
    }
}
