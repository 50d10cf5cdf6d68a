//! Field sections (RFC 9292 §3.6), and the fields that do not pass a gateway.

use http::{HeaderMap, HeaderName, header};

use super::{Malformed, field, reader::Reader};

/// No honest request has as many.
const FIELDS_MAX: usize = 64;

/// Fields that concern one connection (RFC 9110 §7.6.1), and those that would tell one client from another.
const DROPPED: [HeaderName; 9] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The rest of those that would: nobody at the target shall grow used to them.
const IDENTIFYING: [HeaderName; 2] = [header::COOKIE, header::USER_AGENT];

/// By these, and by all that begin with [`FORWARDED`], proxies say who the client is. Origins believe them, and here only
/// the client itself can have written them.
const OF_PROXIES: [HeaderName; 6] = [
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];
const FORWARDED: &str = "x-forwarded-";

/// A section of known length: field lines to the end of `section`.
pub(super) fn known_length(section: &[u8]) -> Result<HeaderMap, Malformed> {
    let mut lines = Reader::new(section);
    let mut fields = HeaderMap::new();
    while !lines.is_empty() {
        let name = lines.prefixed()?;
        line(&mut fields, name, &mut lines)?;
    }
    Ok(fields)
}

/// A section of indeterminate length: field lines up to an empty name. Where the message ends before the first line, the
/// section is empty.
pub(super) fn indeterminate_length(message: &mut Reader<'_>) -> Result<HeaderMap, Malformed> {
    let mut fields = HeaderMap::new();
    if message.is_empty() {
        return Ok(fields);
    }
    loop {
        let name = message.prefixed()?;
        if name.is_empty() {
            return Ok(fields);
        }
        line(&mut fields, name, message)?;
    }
}

fn line(fields: &mut HeaderMap, name: &[u8], lines: &mut Reader<'_>) -> Result<(), Malformed> {
    let (name, value) = (field::name(name)?, field::value(lines.prefixed()?)?);
    if fields.len() == FIELDS_MAX {
        return Err(Malformed::TooManyFields);
    }
    fields.append(name, value);
    Ok(())
}

/// Takes out what concerns one connection, what `Connection` names, what would identify a client, and what only proxies
/// may say.
pub(super) fn drop_from_request(fields: &mut HeaderMap) {
    drop_hop_by_hop(fields);
    let forwarded = fields.keys().filter(|name| name.as_str().starts_with(FORWARDED)).cloned();
    for name in forwarded.collect::<Vec<_>>().into_iter().chain(IDENTIFYING).chain(OF_PROXIES) {
        fields.remove(name);
    }
}

/// Takes out what concerns one connection and what `Connection` names.
pub(super) fn drop_hop_by_hop(fields: &mut HeaderMap) {
    let listed: Vec<HeaderName> = fields
        .get_all(header::CONNECTION)
        .iter()
        .chain(fields.get_all("proxy-connection"))
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| HeaderName::from_bytes(name.trim().as_bytes()).ok())
        .collect();
    for name in listed.into_iter().chain(DROPPED) {
        fields.remove(name);
    }
}
