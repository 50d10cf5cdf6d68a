//! Final responses, padded to a size that says nothing (RFC 9292 §3.3, §3.8).

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use zeroize::Zeroizing;

use super::fields;

/// Framing indicator of a response of known length.
const KNOWN_LENGTH_RESPONSE: u8 = 1;

/// The response is larger than the class that its request was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the response does not fit into its class")]
pub struct DoesNotFit;

/// A binary response with zeros behind it, of exactly the size of its class.
pub struct Padded(Zeroizing<Vec<u8>>);

impl Padded {
    /// For the longest response nonce.
    pub(crate) const ROOM_BEFORE: usize = 32;
    /// For the tag of an AEAD.
    const ROOM_AFTER: usize = 16;

    /// Encodes a response and pads it to `class` bytes. Fields that concern one connection are left out, and
    /// `Content-Length`, which the encoding has of its own.
    ///
    /// # Errors
    /// When it is larger.
    pub fn encode(mut response: Response<Bytes>, class: usize) -> Result<Self, DoesNotFit> {
        fields::drop_hop_by_hop(response.headers_mut());
        response.headers_mut().remove(header::CONTENT_LENGTH);
        let section = field_section(response.headers());
        let content = response.body();
        // Framing, status, three lengths of at most eight bytes.
        let most = section.len().saturating_add(content.len()).saturating_add(27);
        let mut message = begin(class.max(most));
        message.push(KNOWN_LENGTH_RESPONSE);
        integer(&mut message, usize::from(response.status().as_u16()));
        prefixed(&mut message, &section);
        prefixed(&mut message, content);
        // An empty trailer section is the same zero as padding is.
        if message.len() - Self::ROOM_BEFORE > class {
            return Err(DoesNotFit);
        }
        message.resize(Self::ROOM_BEFORE + class, 0);
        Ok(Self(message))
    }

    /// A status and nothing else, which fits everywhere.
    #[must_use]
    pub fn bare(status: StatusCode, class: usize) -> Self {
        let mut message = begin(class.max(3));
        message.push(KNOWN_LENGTH_RESPONSE);
        integer(&mut message, usize::from(status.as_u16()));
        let length = message.len().max(Self::ROOM_BEFORE + class);
        message.resize(length, 0);
        Self(message)
    }

    /// The message behind [`ROOM_BEFORE`](Self::ROOM_BEFORE) bytes, with room for a tag after it: it can be sealed where
    /// it is, and then there is nothing left to wipe.
    pub(crate) fn into_buffer(mut self) -> Vec<u8> {
        std::mem::take(&mut *self.0)
    }
}

impl AsRef<[u8]> for Padded {
    fn as_ref(&self) -> &[u8] {
        &self.0[Self::ROOM_BEFORE..]
    }
}

/// A buffer for a message of so many bytes, with its room before and after.
fn begin(most: usize) -> Zeroizing<Vec<u8>> {
    let mut message = Zeroizing::new(Vec::with_capacity(most.saturating_add(Padded::ROOM_BEFORE + Padded::ROOM_AFTER)));
    message.resize(Padded::ROOM_BEFORE, 0);
    message
}

impl fmt::Debug for Padded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Padded").field("bytes", &self.as_ref().len()).finish()
    }
}

fn field_section(headers: &HeaderMap) -> Vec<u8> {
    let mut section = Vec::new();
    for (name, value) in headers {
        prefixed(&mut section, name.as_str().as_bytes());
        prefixed(&mut section, value.as_bytes());
    }
    section
}

fn prefixed(message: &mut Vec<u8>, bytes: &[u8]) {
    integer(message, bytes.len());
    message.extend_from_slice(bytes);
}

/// The shortest encoding (RFC 9000 §16).
fn integer(message: &mut Vec<u8>, value: usize) {
    let bytes = (value as u64).to_be_bytes();
    let (length, prefix) = match value {
        0..0x40 => (1, 0x00),
        0x40..0x4000 => (2, 0x40),
        0x4000..0x4000_0000 => (4, 0x80),
        _ => (8, 0xc0),
    };
    let start = message.len();
    message.extend_from_slice(&bytes[8 - length..]);
    message[start] |= prefix;
}
