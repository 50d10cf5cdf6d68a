//! HTTP/1.1 requests as bytes.

use std::{fmt::Display, io::Write as _};

use restante::wire::MEDIA_TYPE;

/// An HTTP/1.1 request with these fields, each of which ends in CRLF.
pub(crate) fn http_request(host: &str, path: &str, fields: impl Display, body: &[u8], out: &mut Vec<u8>) {
    let length = body.len();
    write!(out, "POST {path} HTTP/1.1\r\nHost: {host}\r\n{fields}Content-Length: {length}\r\n\r\n").unwrap();
    out.extend_from_slice(body);
}

/// One of a user to the local listener, in the name of the service whose token that is.
pub(crate) fn local_request(token: &str, path: &str, body: &[u8], out: &mut Vec<u8>) {
    http_request(
        "hub",
        path,
        format_args!("Authorization: Bearer {token}\r\nDS-User: :YmVuY2g=:\r\nContent-Type: {MEDIA_TYPE}\r\n"),
        body,
        out,
    );
}
