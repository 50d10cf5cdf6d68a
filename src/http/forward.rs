//! Requests of local users for groups of other hubs: handed on as they are, over mutual TLS.

use std::time::Duration;

use axum::{
    body::Body,
    http::HeaderMap,
    response::{IntoResponse, Response},
};
use restante_process::{Stopwatch, status_class};
use tracing::Level;

use super::{Hub, Problem, body::Received, fields};
use crate::{
    client::http::{
        Channel, ChannelError, ChannelRequest, ChannelResponse, DS_FIRST_INDEX, DS_MORE, DS_NEXT_INDEX, Operation,
        PROBLEM_MEDIA_TYPE, ProviderClient,
    },
    sequencer::GroupKey,
    service::UserId,
    wire::{GroupId, MEDIA_TYPE, ReceiveRequest, ReceiveResponse, SendRequest, decode},
};

/// The way to other hubs. The default one leads nowhere: no provider is a peer.
#[derive(Clone, Debug, Default)]
pub struct Upstream {
    client: Option<ProviderClient>,
}

impl Upstream {
    /// The way over channels to all configured peers.
    pub fn new(client: ProviderClient) -> Self {
        Self { client: Some(client) }
    }

    async fn call(&self, id: &GroupId, request: ChannelRequest) -> Result<ChannelResponse, Problem> {
        let operation = request.operation.path();
        let watch = Stopwatch::start_if(tracing::enabled!(Level::TRACE));
        let answer = match self.client.as_ref().and_then(|client| client.peer(id.hub())) {
            Some(channel) => channel.post(request).await,
            None => Err(ChannelError::UnknownPeer),
        };
        tracing::trace!(operation, outcome = outcome(&answer), duration_us = watch.micros(), "request forwarded");
        answer.map_err(|error| match error {
            ChannelError::UnknownPeer => Problem::unknown_hub(),
            ChannelError::Connect
            | ChannelError::Tls
            | ChannelError::Timeout
            | ChannelError::Broken
            | ChannelError::ResponseTooLarge => Problem::hub_unavailable(),
        })
    }
}

/// What came of it, as the log says it.
fn outcome(answer: &Result<ChannelResponse, ChannelError>) -> &'static str {
    match answer {
        Ok(response) => status_class(response.status),
        Err(ChannelError::UnknownPeer) => "unknown_peer",
        Err(ChannelError::Connect) => "connect",
        Err(ChannelError::Tls) => "tls",
        Err(ChannelError::Timeout) => "timeout",
        Err(ChannelError::Broken) => "broken",
        Err(ChannelError::ResponseTooLarge) => "response_too_large",
    }
}

/// Forwards a send, byte for byte.
pub(super) async fn send(
    hub: &Hub,
    user: &UserId,
    id: &GroupId,
    request: &SendRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let mut forwarded = ChannelRequest::new(Operation::Send, received.bytes.clone());
    forwarded.expect_commit = fields::expect_commit(&received.headers)?;
    let response = hub.upstream.call(id, forwarded).await?;
    if response.status.is_success() {
        hub.service.note_presentation(user, GroupKey::of(id.as_bytes()), request.partition_key.masked());
    }
    relay(response)
}

/// How long a hub may take to say how things stand when this provider shuts down.
const PARTING: Duration = Duration::from_secs(5);

/// Forwards a receive and filters the hints for the user.
pub(super) async fn receive(
    hub: &Hub,
    user: &UserId,
    id: &GroupId,
    request: &ReceiveRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let mut forwarded = ChannelRequest::new(Operation::Receive, received.bytes.clone());
    forwarded.wait = fields::wait(&received.headers).min(hub.service.longest_wait());
    let prompt = ChannelRequest { wait: Duration::ZERO, ..forwarded.clone() };
    let group = GroupKey::of(id.as_bytes());
    let mut answer = if hub.is_draining() {
        hub.upstream.call(id, prompt).await?
    } else {
        tokio::select! {
            answer = hub.upstream.call(id, forwarded) => answer?,
            // When this provider shuts down, waiting receives are answered at once. Only the hub knows with what.
            () = hub.service.waiting_ends() => {
                let parting = tokio::time::timeout(PARTING, hub.upstream.call(id, prompt)).await;
                parting.unwrap_or_else(|_| Err(Problem::unavailable()))?
            }
        }
    };
    if answer.status.is_success() {
        let mut response: ReceiveResponse = decode(&answer.body).map_err(|_| Problem::hub_unavailable())?;
        let partition = request.partition_key.masked();
        let hints = response.hints.len();
        hub.service.filter_hints(user, group, partition, &mut response).await?;
        if response.hints.len() != hints {
            answer.body = crate::wire::encode(&response).map_err(|_| Problem::unavailable())?.into();
        }
    }
    relay(answer)
}

/// The hub's answer, without fields that mean nothing here.
fn relay(answer: ChannelResponse) -> Result<Response, Problem> {
    let expected = if answer.status.is_success() { MEDIA_TYPE } else { PROBLEM_MEDIA_TYPE };
    let of_its_type = answer
        .headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next().is_some_and(|essence| essence.trim() == expected));
    // Anything else did not come from a delivery service.
    if !of_its_type {
        return Err(Problem::hub_unavailable());
    }
    let mut headers = HeaderMap::new();
    for name in [http::header::CONTENT_TYPE.as_str(), "retry-after", DS_FIRST_INDEX, DS_NEXT_INDEX, DS_MORE] {
        if let (Some(value), Ok(name)) = (answer.headers.get(name), http::HeaderName::try_from(name)) {
            headers.insert(name, value.clone());
        }
    }
    Ok((answer.status, headers, Body::from(answer.body)).into_response())
}
