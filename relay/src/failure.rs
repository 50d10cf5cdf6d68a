//! What the relay answers when it does not hand on an Encapsulated Response (RFC 9458 §5.2), as problem documents
//! (RFC 9457) in clear.
//!
//! # Privacy
//! Every document is one of a fixed set. It holds no byte of the request, and none of what the gateway said: neither
//! can leave a mark on a client through an error.

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_TYPE, PROXY_AUTHENTICATE, RETRY_AFTER},
};
use http_body_util::Full;
use serde_json::json;

use crate::counters::Label;

/// The type of problem by which a gateway says that a request used a key that it does not have (RFC 9458 §5.3).
pub(crate) const KEY_PROBLEM: &str = "https://iana.org/assignments/http-problem-types#ohttp-key";

/// Why a request was not answered with an Encapsulated Response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The path leads nowhere, or to a provider that is not configured.
    NotFound,
    /// The resource is there and is asked in another way.
    WrongMethod,
    /// No user's token, or one that was revoked.
    Unauthorized,
    /// The user's rate. Seconds until the next request.
    RateLimited(u64),
    /// The user's requests that are under way already.
    TooManyAtOnce,
    /// The relay's own limit of requests that are under way.
    Overloaded,
    /// No `message/ohttp-req`.
    UnsupportedMedia,
    /// Larger than a request may be.
    TooLarge,
    /// No body.
    Empty,
    /// The body broke off.
    BrokenBody,
    /// The body did not arrive in time.
    SlowBody,
    /// `CONNECT` to something that is no configured gateway.
    TunnelRefused,
    /// The gateway does not have the key (RFC 9458 §5.3).
    GatewayKey,
    /// The gateway refused the request in clear.
    GatewayRefused,
    /// The gateway has too much to do, or its budget for this relay is used up.
    GatewayBusy,
    /// No connection, or an answer that is none.
    GatewayFailed,
    /// No answer in time.
    GatewayTimeout,
    /// No key list was fetched yet.
    NoKeyList,
}

impl Label for Failure {
    const ALL: &'static [Self] = &[
        Self::NotFound,
        Self::WrongMethod,
        Self::Unauthorized,
        Self::RateLimited(0),
        Self::TooManyAtOnce,
        Self::Overloaded,
        Self::UnsupportedMedia,
        Self::TooLarge,
        Self::Empty,
        Self::BrokenBody,
        Self::SlowBody,
        Self::TunnelRefused,
        Self::GatewayKey,
        Self::GatewayRefused,
        Self::GatewayBusy,
        Self::GatewayFailed,
        Self::GatewayTimeout,
        Self::NoKeyList,
    ];

    fn word(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::WrongMethod => "wrong_method",
            Self::Unauthorized => "unauthorized",
            Self::RateLimited(_) => "rate_limited",
            Self::TooManyAtOnce => "too_many_at_once",
            Self::Overloaded => "overloaded",
            Self::UnsupportedMedia => "unsupported_media",
            Self::TooLarge => "too_large",
            Self::Empty => "empty",
            Self::BrokenBody => "broken_body",
            Self::SlowBody => "slow_body",
            Self::TunnelRefused => "tunnel_refused",
            Self::GatewayKey => "gateway_key",
            Self::GatewayRefused => "gateway_refused",
            Self::GatewayBusy => "gateway_busy",
            Self::GatewayFailed => "gateway_failed",
            Self::GatewayTimeout => "gateway_timeout",
            Self::NoKeyList => "no_key_list",
        }
    }
}

impl Failure {
    /// The status that it is answered with.
    pub fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongMethod => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unauthorized => StatusCode::PROXY_AUTHENTICATION_REQUIRED,
            Self::RateLimited(_) | Self::TooManyAtOnce => StatusCode::TOO_MANY_REQUESTS,
            Self::Overloaded | Self::GatewayBusy | Self::NoKeyList => StatusCode::SERVICE_UNAVAILABLE,
            Self::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Empty | Self::BrokenBody | Self::GatewayRefused => StatusCode::BAD_REQUEST,
            Self::SlowBody => StatusCode::REQUEST_TIMEOUT,
            Self::TunnelRefused => StatusCode::FORBIDDEN,
            Self::GatewayKey => StatusCode::UNPROCESSABLE_ENTITY,
            Self::GatewayFailed => StatusCode::BAD_GATEWAY,
            Self::GatewayTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::NotFound => "there is no such resource, and no gateway of that name",
            Self::WrongMethod => "this resource is asked with another method",
            Self::Unauthorized => "a relay token of this provider is needed in Proxy-Authorization",
            Self::RateLimited(_) => "this user's requests come too fast",
            Self::TooManyAtOnce => "too many requests of this user are under way",
            Self::Overloaded => "the relay has too much to do",
            Self::UnsupportedMedia => "the content is not message/ohttp-req",
            Self::TooLarge => "the content is larger than the relay takes",
            Self::Empty => "there is no content",
            Self::BrokenBody => "the content broke off",
            Self::SlowBody => "the content did not arrive in time",
            Self::TunnelRefused => "tunnels lead to configured gateways only",
            Self::GatewayKey => "the gateway does not have the key that this request used",
            Self::GatewayRefused => "the gateway refused the request",
            Self::GatewayBusy => "the gateway has too much to do",
            Self::GatewayFailed => "the gateway could not be reached, or gave no usable answer",
            Self::GatewayTimeout => "the gateway gave no answer in time",
            Self::NoKeyList => "the gateway's key list has not been fetched yet",
        }
    }

    fn problem_type(self) -> String {
        match self {
            Self::GatewayKey => KEY_PROBLEM.to_owned(),
            other => format!("urn:mimi-ds:problem:{}", other.word()),
        }
    }

    /// One field beyond those of every problem.
    fn extra_field(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Unauthorized => Some((PROXY_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Self::RateLimited(seconds) => Some((RETRY_AFTER, HeaderValue::from(seconds.max(1)))),
            Self::TooManyAtOnce | Self::Overloaded => Some((RETRY_AFTER, HeaderValue::from_static("1"))),
            Self::GatewayBusy | Self::NoKeyList => Some((RETRY_AFTER, HeaderValue::from_static("5"))),
            _ => None,
        }
    }

    /// The problem document.
    pub fn respond(self) -> Response<Full<Bytes>> {
        let document = json!({
            "type": self.problem_type(), "title": self.title(), "status": self.status().as_u16(),
        });
        let mut response = Response::new(Full::new(Bytes::from(document.to_string())));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.extra_field());
        response
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn every_failure_has_a_document_of_its_own() {
        let mut types = std::collections::BTreeSet::new();
        for failure in Failure::ALL {
            let (head, body) = failure.respond().into_parts();
            assert!(head.status.is_client_error() || head.status.is_server_error(), "{failure:?}");
            assert_eq!(head.headers[CONTENT_TYPE], "application/problem+json");
            assert_eq!(head.headers[CACHE_CONTROL], "no-store");
            let body = body.collect().await.unwrap().to_bytes();
            let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(document["status"], head.status.as_u16());
            assert!(types.insert(document["type"].as_str().unwrap().to_owned()), "{failure:?}");
        }
    }

    #[test]
    fn who_must_wait_is_told_how_long_and_who_must_show_a_token_how() {
        assert_eq!(Failure::RateLimited(7).respond().headers()[RETRY_AFTER], "7");
        assert_eq!(Failure::RateLimited(0).respond().headers()[RETRY_AFTER], "1");
        assert_eq!(Failure::Unauthorized.respond().headers()[PROXY_AUTHENTICATE], "Bearer");
        for failure in [Failure::Overloaded, Failure::GatewayBusy, Failure::NoKeyList, Failure::TooManyAtOnce] {
            assert!(failure.respond().headers().contains_key(RETRY_AFTER), "{failure:?}");
        }
    }
}
