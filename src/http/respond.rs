//! Answers of the drafts' media type.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use mls_rs_codec::MlsEncode;
use zeroize::Zeroizing;

use super::{Problem, fields};
use crate::{
    service::{Answer, GroupInfoAnswer, InboxAnswer, Lent},
    wire::{MEDIA_TYPE, encode},
};

/// Encodes an answer.
pub(super) fn answer<T: MlsEncode>(value: &T) -> Result<Response, Problem> {
    // Only what is longer than the format can say fails here, and pages are bounded.
    let body = encode(value).map_err(|_| Problem::unavailable())?;
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response())
}

/// Encodes an answer that holds a secret; the memory that it is sent from is wiped.
pub(super) fn secret<T: MlsEncode>(value: &T) -> Result<Response, Problem> {
    let body = Bytes::from_owner(Zeroizing::new(encode(value).map_err(|_| Problem::unavailable())?));
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response())
}

/// The answer of an operation that has nothing to say: an empty body of the media type.
pub(super) fn nothing() -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], ()).into_response())
}

/// Encodes what was received, with the fields that the structure cannot carry. The memory is given back when the last
/// byte has been written.
pub(super) fn received(Answer { received, memory }: Answer) -> Result<Response, Problem> {
    let bytes = encode(&received.response).map_err(|_| Problem::unavailable())?;
    let body = Bytes::from_owner(Page { bytes, _memory: memory });
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response();
    let headers = response.headers_mut();
    headers.insert(fields::FIRST_INDEX, received.first_index.into());
    headers.insert(fields::NEXT_INDEX, received.next_index.into());
    if received.passed_over {
        headers.insert(fields::RESTORED, fields::TRUE);
    }
    if received.more {
        headers.insert(fields::MORE, fields::TRUE);
    }
    Ok(response)
}

/// Encodes Welcomes. The memory is given back when the last byte has been written.
pub(super) fn inbox(InboxAnswer { response, memory }: InboxAnswer) -> Result<Response, Problem> {
    let bytes = encode(&response).map_err(|_| Problem::unavailable())?;
    let body = Bytes::from_owner(Page { bytes, _memory: memory });
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response())
}

/// Encodes a GroupInfo, with the partition that it belongs to. The memory is given back as that of a page.
pub(super) fn group_info(answer: GroupInfoAnswer) -> Result<Response, Problem> {
    let GroupInfoAnswer { response, partition, memory } = answer;
    let bytes = encode(&response).map_err(|_| Problem::unavailable())?;
    let body = Bytes::from_owner(Page { bytes, _memory: memory });
    let mut response = ([(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE))], body).into_response();
    response.headers_mut().insert(fields::PARTITION, fields::partition(&partition)?);
    Ok(response)
}

/// An encoded page, and the memory that it was lent.
struct Page {
    bytes: Vec<u8>,
    _memory: Lent,
}

impl AsRef<[u8]> for Page {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Nothing of this service is for caches.
pub(super) fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
