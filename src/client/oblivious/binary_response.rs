//! Binary responses (RFC 9292): what `bhttp` reads, and all that it does not check.

use std::io::Cursor;

use bhttp::Message;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::client::http::ChannelResponse;

/// The most fields that a response may have.
const FIELDS_MAX: usize = 64;

/// Reads a response whose padding is zeros; `None` when anything is wrong with it.
pub(super) fn read_response(bytes: &[u8]) -> Option<ChannelResponse> {
    let mut reader = Cursor::new(bytes);
    let message = Message::read_bhttp(&mut reader).ok()?;
    // Requests have no status.
    let status = StatusCode::from_u16(message.control().status()?.code()).ok()?;
    let end = usize::try_from(reader.position()).ok()?;
    let padding = bytes.get(end..)?;
    if !padding.iter().all(|byte| *byte == 0) || message.header().len() > FIELDS_MAX {
        return None;
    }
    let mut headers = HeaderMap::new();
    for field in message.header().fields() {
        // Lower case, and no pseudo-fields: a colon is in no field name (RFC 9292 §3.6).
        let name = HeaderName::from_lowercase(field.name()).ok()?;
        headers.append(name, HeaderValue::from_bytes(field.value()).ok()?);
    }
    Some(ChannelResponse { status, headers, body: Bytes::copy_from_slice(message.content()) })
}
