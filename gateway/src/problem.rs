//! Problem documents (RFC 9457), each written once.
//!
//! # Privacy
//! They are constants: no byte of a request, a key or a name can get into one.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};

use crate::{binary, media_type};

/// RFC 9458 §7.1: the request could not be decrypted with the key that it names.
pub const OHTTP_KEY: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";

/// RFC 9458 §7.2: the date of the request is not acceptable.
pub const DATE: &str = "https://iana.org/assignments/http-problem-types#date";

const PLAIN: &str = "about:blank";

/// A problem: type, status, title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    kind: &'static str,
    status: StatusCode,
    title: &'static str,
}

impl Problem {
    const fn plain(status: StatusCode, title: &'static str) -> Self {
        Self { kind: PLAIN, status, title }
    }

    pub(crate) const NOT_FOUND: Self = Self::plain(StatusCode::NOT_FOUND, "there is nothing here");
    pub(crate) const METHOD: Self = Self::plain(StatusCode::METHOD_NOT_ALLOWED, "this resource takes other methods");
    pub(crate) const MEDIA_TYPE: Self =
        Self::plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the content must be message/ohttp-req, without a coding");
    pub(crate) const EXPECTATION: Self =
        Self::plain(StatusCode::EXPECTATION_FAILED, "expectations cannot be met through encapsulation");
    pub(crate) const TOO_MANY: Self =
        Self::plain(StatusCode::TOO_MANY_REQUESTS, "more requests than this relay is granted");
    pub(crate) const TOO_LARGE: Self = Self::plain(StatusCode::PAYLOAD_TOO_LARGE, "more content than is taken");
    pub(crate) const SLOW: Self = Self::plain(StatusCode::REQUEST_TIMEOUT, "the content did not come in time");
    pub(crate) const BROKEN: Self = Self::plain(StatusCode::BAD_REQUEST, "the content broke off");
    pub(crate) const BUSY: Self = Self::plain(StatusCode::SERVICE_UNAVAILABLE, "too much to do at the moment");
    pub(crate) const TOO_SHORT: Self = Self::plain(StatusCode::BAD_REQUEST, "too short for an encapsulated request");
    pub(crate) const UNDECRYPTABLE: Self = Self {
        kind: OHTTP_KEY,
        status: StatusCode::UNPROCESSABLE_ENTITY,
        title: "the encapsulated request cannot be decrypted with a current key",
    };
    pub(crate) const MALFORMED: Self = Self::plain(StatusCode::BAD_REQUEST, "not a valid binary request");
    pub(crate) const ELSEWHERE: Self =
        Self::plain(StatusCode::MISDIRECTED_REQUEST, "not the authority behind this gateway");
    pub(crate) const NO_DATE: Self =
        Self { kind: DATE, status: StatusCode::BAD_REQUEST, title: "one date field is required in the request" };
    pub(crate) const WRONG_DATE: Self = Self {
        kind: DATE,
        status: StatusCode::BAD_REQUEST,
        title: "date field in request outside of acceptable range",
    };
    pub(crate) const REPLAYED: Self = Self::plain(StatusCode::CONFLICT, "the request was answered before");
    pub(crate) const FORGOTTEN: Self =
        Self::plain(StatusCode::SERVICE_UNAVAILABLE, "copies cannot be told from new requests at the moment");
    pub(crate) const ANSWER_TOO_LARGE: Self =
        Self::plain(StatusCode::INTERNAL_SERVER_ERROR, "the answer does not fit what was asked for");
    pub(crate) const TARGET_TIMEOUT: Self =
        Self::plain(StatusCode::GATEWAY_TIMEOUT, "the target did not answer in time");

    /// The document as a response.
    pub(crate) fn response(self) -> Response<Bytes> {
        let Self { kind, status, title } = self;
        let code = status.as_u16();
        let body = format!(r#"{{"type":"{kind}","title":"{title}","status":{code}}}"#);
        let mut response = Response::new(Bytes::from(body));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type::PROBLEM));
        response
    }

    /// The document with the time after which to come back (RFC 9110 §10.2.3).
    pub(crate) fn later_response(self, seconds: u64) -> Response<Bytes> {
        let mut response = self.response();
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        response
    }

    /// The document with the gateway's time (RFC 9458 §6.5.2), not to be stored.
    pub(crate) fn dated_response(self, now_ms: u64) -> Response<Bytes> {
        let mut response = self.response();
        response.headers_mut().insert(header::DATE, binary::format_date(now_ms));
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
