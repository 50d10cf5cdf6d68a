//! Operations that both listeners offer, behind whatever tells them who asks.

use std::time::Duration;

use axum::response::Response;

use super::{Hub, Problem, body::Received, fields, respond};
use crate::{
    mls::ContentType,
    service::{Receive, Submitter},
    wire::{LiteralReceiveRequest, ReceiveRequest, SendRequest, decode},
};

/// A group id, a key, a counter, with room to spare.
pub(super) const SMALL_BODY_BYTES_MAX: usize = 16 * 1024;

pub(super) fn decode_send(received: &Received) -> Result<SendRequest, Problem> {
    decode(&received.bytes).map_err(Problem::malformed)
}

pub(super) async fn send(
    hub: &Hub,
    submitter: &Submitter,
    request: SendRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let expect_commit = fields::expect_commit(&received.headers)?;
    if expect_commit.is_some() && request.message.content_type() != ContentType::Commit {
        return Err(Problem::expectation_without_commit());
    }
    respond::answer(&hub.service.send(submitter, request, expect_commit).await?)
}

pub(super) fn decode_receive(received: &Received) -> Result<ReceiveRequest, Problem> {
    decode(&received.bytes).map_err(Problem::malformed)
}

/// What a request wants, and what it brought with it is gone: while a receive waits, it keeps neither its fields nor its
/// body, which would keep what else was read from the socket with them, nor the memory that all bodies share.
pub(super) fn wanted(received: Received) -> Result<Receive, Problem> {
    let request = decode_receive(&received)?;
    Ok(Receive::new(&request, fields::wait(&received.headers)))
}

pub(super) async fn receive(hub: &Hub, submitter: &Submitter, receive: Receive) -> Result<Response, Problem> {
    respond::received(hub.service.receive(submitter, receive).await?)
}

/// What a request wants that names no group, and how long it may wait. The rest of it is gone, as with [`wanted`].
pub(super) fn wanted_literally(received: Received) -> Result<(LiteralReceiveRequest, Duration), Problem> {
    let request = decode(&received.bytes).map_err(Problem::malformed)?;
    Ok((request, fields::wait(&received.headers)))
}

pub(super) async fn receive_literal(
    hub: &Hub,
    submitter: &Submitter,
    request: LiteralReceiveRequest,
    wait: Duration,
) -> Result<Response, Problem> {
    let found = hub.service.find_literal(submitter, &request, wait).await?;
    receive(hub, submitter, found).await
}
