//! Which bytes names and values are made of (RFC 9110 §5, RFC 9113 §8.2.1).

use http::{HeaderName, HeaderValue};

use super::Malformed;

/// A field name: a token in lower case. Pseudo-fields begin with a colon, which no token does: those of control data have
/// their place there (RFC 9292 §3.6), and no others are understood.
pub(super) fn name(bytes: &[u8]) -> Result<HeaderName, Malformed> {
    if bytes.iter().any(u8::is_ascii_uppercase) {
        return Err(Malformed::FieldName);
    }
    HeaderName::from_lowercase(bytes).map_err(|_| Malformed::FieldName)
}

/// A field value: visible bytes, spaces and tabs within, none around. `HeaderValue` refuses control bytes.
pub(super) fn value(bytes: &[u8]) -> Result<HeaderValue, Malformed> {
    let blank = |byte: Option<&u8>| byte.is_some_and(|byte| matches!(byte, b' ' | b'\t'));
    if blank(bytes.first()) || blank(bytes.last()) {
        return Err(Malformed::FieldValue);
    }
    HeaderValue::from_bytes(bytes).map_err(|_| Malformed::FieldValue)
}
