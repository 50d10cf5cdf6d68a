//! The Oblivious Relay Resource: takes an Encapsulated Request to the gateway and brings the answer back (RFC 9458 §5,
//! §6.2).
//!
//! # Privacy
//! Content is copied byte for byte in both directions, and nothing else is. What the gateway says in clear is reduced to
//! one of our own problem documents: it may be "treated by the relay as a failure" (§5.2), and its text, fields or
//! status could tell one client from another.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header::CONTENT_ENCODING};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Incoming};
use tokio::time::{Instant, timeout, timeout_at};

use crate::{
    failure::{Failure, KEY_PROBLEM},
    limits::Limits,
    outer_fields::{REQUEST_TYPE, RESPONSE_TYPE, client_response, gateway_request, has_type},
    routes::Route,
    upstream::{Lease, UpstreamError},
};

/// The largest problem document of a gateway that is looked into.
const PROBLEM_BYTES_MAX: usize = 8 * 1024;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Relays one request of a user who was let in.
pub(crate) async fn relay<B>(
    route: &Route,
    request: Request<B>,
    limits: &Limits,
) -> Result<Response<Full<Bytes>>, Failure>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    let (head, body) = request.into_parts();
    check_fields(&head.headers)?;
    let content = read_request(body, limits.request_bytes, limits.request_body).await?;
    let deadline = Instant::now() + limits.exchange;
    match timeout_at(deadline, exchange(route, content, limits.response_bytes, deadline)).await {
        Ok(answer) => answer.map(client_response),
        Err(_) => Err(Failure::GatewayTimeout),
    }
}

fn check_fields(headers: &HeaderMap) -> Result<(), Failure> {
    let is_plain = !headers.contains_key(CONTENT_ENCODING);
    if is_plain && has_type(headers, REQUEST_TYPE) { Ok(()) } else { Err(Failure::UnsupportedMedia) }
}

async fn read_request<B>(body: B, bytes_max: usize, time: Duration) -> Result<Bytes, Failure>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    // Whoever says so beforehand need not send it first.
    if body.size_hint().lower() > bytes_max as u64 {
        return Err(Failure::TooLarge);
    }
    let content = match timeout(time, Limited::new(body, bytes_max).collect()).await {
        Ok(Ok(content)) => content.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return Err(Failure::TooLarge),
        Ok(Err(_)) => return Err(Failure::BrokenBody),
        Err(_) => return Err(Failure::SlowBody),
    };
    if content.is_empty() { Err(Failure::Empty) } else { Ok(content) }
}

/// Sends the content once, and reads the answer to its end.
async fn exchange(route: &Route, content: Bytes, response_bytes: usize, deadline: Instant) -> Result<Bytes, Failure> {
    let sent = route.upstream.send(gateway_request(route.uri.clone(), content), deadline).await;
    let (response, lease) = sent.map_err(|error| match error {
        UpstreamError::Failed => Failure::GatewayFailed,
        UpstreamError::Timeout => Failure::GatewayTimeout,
    })?;
    match response.status() {
        StatusCode::OK if has_type(response.headers(), RESPONSE_TYPE) => {
            read_response(response, lease, response_bytes).await
        }
        StatusCode::UNPROCESSABLE_ENTITY => Err(read_problem(response, lease).await),
        StatusCode::BAD_REQUEST | StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Err(Failure::GatewayRefused)
        }
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Err(Failure::GatewayBusy),
        // A redirect among them: it is for nobody to follow.
        _ => Err(Failure::GatewayFailed),
    }
}

async fn read_response(response: Response<Incoming>, lease: Lease<'_>, bytes_max: usize) -> Result<Bytes, Failure> {
    let read = Limited::new(response.into_body(), bytes_max).collect().await;
    let content = read.map_err(|_| Failure::GatewayFailed)?.to_bytes();
    lease.give_back();
    if content.is_empty() { Err(Failure::GatewayFailed) } else { Ok(content) }
}

/// Whether the gateway means the key (§5.3).
async fn read_problem(response: Response<Incoming>, lease: Lease<'_>) -> Failure {
    if !has_type(response.headers(), "application/problem+json") {
        return Failure::GatewayRefused;
    }
    let Ok(content) = Limited::new(response.into_body(), PROBLEM_BYTES_MAX).collect().await else {
        return Failure::GatewayRefused;
    };
    lease.give_back();
    let document: serde_json::Value = serde_json::from_slice(&content.to_bytes()).unwrap_or_default();
    let names_key = document.get("type").and_then(serde_json::Value::as_str) == Some(KEY_PROBLEM);
    if names_key { Failure::GatewayKey } else { Failure::GatewayRefused }
}
