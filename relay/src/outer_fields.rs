//! The outer fields of what the relay sends, on both legs (RFC 9458 §5, §6.2).
//!
//! # Privacy
//! Nothing is copied. Each message gets a fresh set of fields, the same for all users: no field of a client reaches the
//! gateway, and none of the gateway's a client. `Via`, `Forwarded`, `User-Agent`, `traceparent` and their like are never
//! made, and a gateway cannot mark a client by a cookie, a date or an entity tag.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Response, Uri,
    header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH},
};
use http_body_util::Full;

/// The media types of RFC 9458 §9.
pub(crate) const REQUEST_TYPE: &str = "message/ohttp-req";
pub(crate) const RESPONSE_TYPE: &str = "message/ohttp-res";
pub(crate) const KEYS_TYPE: &str = "application/ohttp-keys";

/// The request that carries an Encapsulated Request upstream.
pub(crate) fn gateway_request(uri: Uri, content: Bytes) -> Request<Full<Bytes>> {
    let length = content.len();
    let mut request = Request::new(Full::new(content));
    *request.method_mut() = Method::POST;
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(REQUEST_TYPE));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(ACCEPT, HeaderValue::from_static(RESPONSE_TYPE));
    request
}

/// The request for a gateway's key list, on the relay's own behalf.
pub(crate) fn key_request(uri: Uri, etag: Option<HeaderValue>) -> Request<Full<Bytes>> {
    let mut request = Request::new(Full::default());
    *request.uri_mut() = uri;
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static(KEYS_TYPE));
    request.headers_mut().extend(etag.map(|etag| (IF_NONE_MATCH, etag)));
    request
}

/// The response that carries an Encapsulated Response to a client.
pub(crate) fn client_response(content: Bytes) -> Response<Full<Bytes>> {
    let length = content.len();
    let mut response = Response::new(Full::new(content));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(RESPONSE_TYPE));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The fields of a key list as the relay serves it.
pub(crate) fn key_list_fields(headers: &mut HeaderMap, etag: &HeaderValue, age: u64, max_age: u64) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(KEYS_TYPE));
    headers.insert(ETAG, etag.clone());
    headers.insert(AGE, HeaderValue::from(age));
    let cache_control = HeaderValue::from_str(&format!("public, max-age={max_age}"));
    headers.insert(CACHE_CONTROL, cache_control.expect("letters and digits"));
}

/// Whether `Content-Type` is this one, whatever its parameters. It must stand there once.
pub(crate) fn has_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return false };
    let essence = value.to_str().ok().and_then(|value| value.split(';').next()).map(str::trim);
    essence.is_some_and(|essence| essence.eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upstream_there_are_three_fields_and_no_other() {
        let request = gateway_request(Uri::from_static("https://follower.example/x"), Bytes::from_static(b"12345"));
        let fields: Vec<_> = request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(
            fields,
            [("content-type", &b"message/ohttp-req"[..]), ("content-length", b"5"), ("accept", b"message/ohttp-res")]
        );
    }

    #[test]
    fn downstream_there_are_three_fields_and_no_other() {
        let response = client_response(Bytes::from_static(b"12345"));
        let fields: Vec<_> = response.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        assert_eq!(
            fields,
            [("content-type", &b"message/ohttp-res"[..]), ("content-length", b"5"), ("cache-control", b"no-store")]
        );
    }

    #[test]
    fn media_types_are_compared_without_case_and_parameters() {
        let with = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(CONTENT_TYPE, HeaderValue::from_static(value));
            }
            has_type(&headers, REQUEST_TYPE)
        };
        assert!(with(&["message/ohttp-req"]) && with(&["Message/OHTTP-Req ; a=b"]));
        assert!(!with(&[]) && !with(&["message/ohttp-res"]) && !with(&["message/ohttp-req", "message/ohttp-req"]));
        assert!(!with(&["message/ohttp-req, text/plain"]) && !with(&["message/ohttp-chunked-req"]));
    }
}
