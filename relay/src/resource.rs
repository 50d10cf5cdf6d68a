//! The Oblivious Relay Resource: takes an Encapsulated Request to the gateway and brings the answer back (RFC 9458 §5,
//! §6.2).
//!
//! # Privacy
//! Content is copied byte for byte in both directions, and nothing else is. What the gateway says in clear is reduced to
//! one of our own problem documents: it may be "treated by the relay as a failure" (§5.2), and its text, fields or
//! status could tell one client from another.

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    failure::{Failure, KEY_PROBLEM},
    limits::Limits,
    outer_fields::{RESPONSE_TYPE, gateway_request, has_type},
    routes::Route,
    upstream::{Lease, UpstreamError},
};

/// The largest problem document of a gateway that is looked into.
const PROBLEM_BYTES_MAX: usize = 8 * 1024;

/// Takes the content to the gateway once, and reads the answer to its end, in the time that there is.
pub(crate) async fn exchange(route: &Route, content: Bytes, limits: &Limits) -> Result<Bytes, Failure> {
    let deadline = Instant::now() + limits.exchange;
    let answer = timeout_at(deadline, send(route, content, limits.response_bytes, deadline)).await;
    answer.unwrap_or(Err(Failure::GatewayTimeout))
}

async fn send(route: &Route, content: Bytes, response_bytes: usize, deadline: Instant) -> Result<Bytes, Failure> {
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
