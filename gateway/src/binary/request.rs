//! Requests (RFC 9292 §3.1, §3.2, §3.4).

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method, header};
use zeroize::Zeroizing;

use super::{Malformed, fields, reader::Reader};

const KNOWN_LENGTH: u64 = 0;
const INDETERMINATE_LENGTH: u64 = 2;

/// A request that was decoded and is well-formed in every byte.
///
/// # Privacy
/// `Debug` shows nothing of it.
pub struct BinaryRequest {
    /// The method, case as it came.
    pub method: Method,
    /// The scheme, lower case.
    pub scheme: String,
    /// Host and port in lower case; of the control data, or of `Host` where that is empty.
    pub authority: String,
    /// Path and query: begins with `/`.
    pub path: String,
    /// The fields that pass a gateway. `Host` and `Content-Length` are in other places.
    pub fields: HeaderMap,
    /// The content, without transfer coding.
    pub content: Bytes,
    /// Whether `Expect: 100-continue` stood there, which cannot be met (RFC 9458 §5.1).
    pub expects_continue: bool,
}

impl BinaryRequest {
    /// Decodes a message of either form. Trailer fields are checked and dropped.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn decode(message: &Bytes) -> Result<Self, Malformed> {
        let mut reader = Reader::new(message);
        let framing = reader.integer()?;
        if framing != KNOWN_LENGTH && framing != INDETERMINATE_LENGTH {
            return Err(Malformed::Framing);
        }
        let method = method(reader.prefixed()?)?;
        let scheme = scheme(reader.prefixed()?)?;
        let authority = reader.prefixed()?;
        let path = path(reader.prefixed()?)?;
        let (mut fields, content, trailers) = if framing == KNOWN_LENGTH {
            let fields = fields::known_length(reader.prefixed_or_omitted()?)?;
            let content = message.slice_ref(reader.prefixed_or_omitted()?);
            (fields, content, fields::known_length(reader.prefixed_or_omitted()?)?)
        } else {
            let fields = fields::indeterminate_length(&mut reader)?;
            let content = chunks(&mut reader)?;
            (fields, content, fields::indeterminate_length(&mut reader)?)
        };
        reader.finish()?;
        drop(trailers);
        let authority = agree_on_authority(authority, &fields)?;
        check_content_length(&fields, content.len())?;
        if fields.contains_key(header::TRANSFER_ENCODING) {
            return Err(Malformed::Contradiction);
        }
        let expects_continue = fields.contains_key(header::EXPECT);
        for name in [header::HOST, header::CONTENT_LENGTH, header::EXPECT] {
            fields.remove(name);
        }
        fields::drop_from_request(&mut fields);
        Ok(Self { method, scheme, authority, path, fields, content, expects_continue })
    }
}

impl fmt::Debug for BinaryRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BinaryRequest").finish_non_exhaustive()
    }
}

/// Content of indeterminate length: chunks up to an empty one, or up to the end of the message before the first.
fn chunks(reader: &mut Reader<'_>) -> Result<Bytes, Malformed> {
    let mut content = Zeroizing::new(Vec::new());
    if !reader.is_empty() {
        loop {
            let chunk = reader.prefixed()?;
            if chunk.is_empty() {
                break;
            }
            content.extend_from_slice(chunk);
        }
    }
    Ok(Bytes::from_owner(Owned(content)))
}

struct Owned(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn method(bytes: &[u8]) -> Result<Method, Malformed> {
    Method::from_bytes(bytes).map_err(|_| Malformed::Control)
}

/// `ALPHA *( ALPHA / DIGIT / "+" / "-" / "." )` (RFC 3986 §3.1).
fn scheme(bytes: &[u8]) -> Result<String, Malformed> {
    let first = bytes.first().is_some_and(u8::is_ascii_alphabetic);
    let rest = bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'));
    if first && rest { lower_case(bytes) } else { Err(Malformed::Control) }
}

/// Visible ASCII from a slash on, without a fragment. `OPTIONS *` and `CONNECT` have no place behind a gateway.
fn path(bytes: &[u8]) -> Result<String, Malformed> {
    let valid = bytes.first() == Some(&b'/') && bytes.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#');
    let path = valid.then(|| bytes.to_vec()).ok_or(Malformed::Control)?;
    String::from_utf8(path).map_err(|_| Malformed::Control)
}

/// Host and port: visible ASCII that neither ends an authority nor names a user.
fn authority(bytes: &[u8]) -> Result<String, Malformed> {
    let fits = |byte: &u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'?' | b'#' | b'@' | b'\\');
    if bytes.is_empty() || !bytes.iter().all(fits) {
        return Err(Malformed::Control);
    }
    lower_case(bytes)
}

fn lower_case(bytes: &[u8]) -> Result<String, Malformed> {
    String::from_utf8(bytes.to_ascii_lowercase()).map_err(|_| Malformed::Control)
}

/// Control data and `Host` must not say two things; one of them must say something (RFC 9292 §3.4, RFC 9110 §7.2).
fn agree_on_authority(control: &[u8], fields: &HeaderMap) -> Result<String, Malformed> {
    let mut hosts = fields.get_all(header::HOST).iter();
    let host = hosts.next().map(|host| authority(host.as_bytes())).transpose()?;
    if hosts.next().is_some() {
        return Err(Malformed::Contradiction);
    }
    if control.is_empty() {
        return host.ok_or(Malformed::Control);
    }
    let control = authority(control)?;
    match host {
        Some(host) if host != control => Err(Malformed::Contradiction),
        _ => Ok(control),
    }
}

fn check_content_length(fields: &HeaderMap, length: usize) -> Result<(), Malformed> {
    for value in fields.get_all(header::CONTENT_LENGTH) {
        let digits = value.as_bytes();
        let said = value.to_str().ok().filter(|_| digits.iter().all(u8::is_ascii_digit));
        if said.and_then(|said| said.parse::<usize>().ok()) != Some(length) {
            return Err(Malformed::Contradiction);
        }
    }
    Ok(())
}
