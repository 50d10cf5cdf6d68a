//! Refusals in clear: what is wrong with a request before it is opened (RFC 9458 §5.2). Nothing else has this type.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use http_body_util::Full;

use crate::{counters::Outcome, problem::Problem};

/// How soon to come back after a 503, in seconds.
const BUSY_SECONDS: u64 = 2;

/// Why a request was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoResource,
    Method,
    MediaType,
    Expectation,
    /// Over budget, for so many seconds.
    OverBudget(u64),
    TooLarge,
    SlowBody,
    BrokenBody,
    Busy,
    TooShort,
    Undecryptable,
}

impl Refusal {
    pub(crate) fn outcome(self) -> Outcome {
        match self {
            Self::NoResource | Self::Method => Outcome::NoResource,
            Self::MediaType => Outcome::WrongMediaType,
            Self::Expectation => Outcome::Expectation,
            Self::OverBudget(_) => Outcome::OverBudget,
            Self::TooLarge => Outcome::TooLarge,
            Self::SlowBody => Outcome::SlowBody,
            Self::BrokenBody => Outcome::BrokenBody,
            Self::Busy => Outcome::Busy,
            Self::TooShort => Outcome::TooShort,
            Self::Undecryptable => Outcome::Undecryptable,
        }
    }

    fn problem(self) -> Problem {
        match self {
            Self::NoResource => Problem::NOT_FOUND,
            Self::Method => Problem::METHOD,
            Self::MediaType => Problem::MEDIA_TYPE,
            Self::Expectation => Problem::EXPECTATION,
            Self::OverBudget(_) => Problem::TOO_MANY,
            Self::TooLarge => Problem::TOO_LARGE,
            Self::SlowBody => Problem::SLOW,
            Self::BrokenBody => Problem::BROKEN,
            Self::Busy => Problem::BUSY,
            Self::TooShort => Problem::TOO_SHORT,
            Self::Undecryptable => Problem::UNDECRYPTABLE,
        }
    }

    fn field(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Method => Some((header::ALLOW, HeaderValue::from_static("GET, HEAD, POST"))),
            Self::MediaType => Some((header::ACCEPT, HeaderValue::from_static(crate::media_type::OHTTP_REQUEST))),
            Self::OverBudget(seconds) => Some((header::RETRY_AFTER, seconds.into())),
            Self::Busy => Some((header::RETRY_AFTER, BUSY_SECONDS.into())),
            Self::NoResource
            | Self::Expectation
            | Self::TooLarge
            | Self::SlowBody
            | Self::BrokenBody
            | Self::TooShort
            | Self::Undecryptable => None,
        }
    }

    pub(crate) fn into_http(self) -> Response<Full<Bytes>> {
        let mut response = self.problem().response();
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some((name, value)) = self.field() {
            response.headers_mut().insert(name, value);
        }
        response.map(Full::new)
    }
}
