//! Header fields of the binding (specs/http.md).

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, header::AUTHORIZATION};
use base64::{Engine, engine::general_purpose::STANDARD};

use super::{Hub, Problem};
use crate::{
    service::UserId,
    wire::{ExpectCommit, JoinToken, MaskedPartitionKey, byte_sequence, preferred_wait},
};

/// "Sequence my commit only if no later one is there": `none` or an index.
const EXPECT_COMMIT: HeaderName = HeaderName::from_static("ds-expect-commit");
/// The acting user, as a byte sequence of RFC 9651.
const USER: HeaderName = HeaderName::from_static("ds-user");
/// `wait=N` (RFC 7240 §4.3).
const PREFER: HeaderName = HeaderName::from_static("prefer");
/// What opens a group to who is not in it, as a byte sequence of RFC 9651.
const JOIN_TOKEN: HeaderName = HeaderName::from_static("ds-join-token");
/// The partition whose epoch a GroupInfo describes: its masked key, as a byte sequence of RFC 9651.
pub(super) const PARTITION: HeaderName = HeaderName::from_static("ds-partition");
/// The index of the first message of the answer.
pub(super) const FIRST_INDEX: HeaderName = HeaderName::from_static("ds-first-index");
/// The counter to ask with next.
pub(super) const NEXT_INDEX: HeaderName = HeaderName::from_static("ds-next-index");
/// `?1` when the hub was put back from a backup, and the indexes between the counter and the first index stand for nothing
/// that it knows.
pub(super) const RESTORED: HeaderName = HeaderName::from_static("ds-restored");
/// `?1` when the partition goes on behind this page.
pub(super) const MORE: HeaderName = HeaderName::from_static("ds-more");
/// A Boolean of RFC 9651.
pub(super) const TRUE: HeaderValue = HeaderValue::from_static("?1");

/// The one value of a field; `Err` when it stands more than once or is no text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(|value| Some(value.trim())).map_err(|_| Problem::field(name)),
        (Some(_), Some(_)) => Err(Problem::field(name)),
    }
}

pub(super) fn expect_commit(headers: &HeaderMap) -> Result<Option<ExpectCommit>, Problem> {
    let Some(value) = single(headers, &EXPECT_COMMIT)? else { return Ok(None) };
    ExpectCommit::parse(value).map(Some).ok_or_else(|| Problem::field(&EXPECT_COMMIT))
}

/// How long the client would like to wait.
pub(super) fn wait(headers: &HeaderMap) -> Duration {
    let preferences = headers.get_all(&PREFER).iter().filter_map(|value| value.to_str().ok());
    Duration::from_secs(u64::from(preferred_wait(preferences)))
}

/// Checks the service token (RFC 6750 §2.1).
pub(super) fn service_token(hub: &Hub, headers: &HeaderMap) -> Result<(), Problem> {
    let shown = single(headers, &AUTHORIZATION).map_err(|_| Problem::unauthorized())?;
    let token =
        shown.and_then(|value| value.split_once(' ')).filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    if !token.is_some_and(|(_, token)| hub.is_service_token(token.trim().as_bytes())) {
        return Err(Problem::unauthorized());
    }
    Ok(())
}

/// Checks the service token and returns the acting user.
pub(super) fn local_user(hub: &Hub, headers: &HeaderMap) -> Result<UserId, Problem> {
    service_token(hub, headers)?;
    let user = single(headers, &USER)?.ok_or_else(|| Problem::field(&USER))?;
    byte_sequence(user).and_then(UserId::new).ok_or_else(|| Problem::field(&USER))
}

/// The join token that is shown, if one is.
pub(super) fn join_token(headers: &HeaderMap) -> Result<Option<JoinToken>, Problem> {
    let Some(shown) = single(headers, &JOIN_TOKEN)? else { return Ok(None) };
    byte_sequence(shown).and_then(JoinToken::new).map(Some).ok_or_else(|| Problem::field(&JOIN_TOKEN))
}

/// A masked key as a field's value.
pub(super) fn partition(key: &MaskedPartitionKey) -> Result<HeaderValue, Problem> {
    HeaderValue::try_from(format!(":{}:", STANDARD.encode(key.as_bytes()))).map_err(|_| Problem::unavailable())
}
