//! Operations that both listeners offer, behind whatever tells them who asks.

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

pub(super) async fn receive(
    hub: &Hub,
    submitter: &Submitter,
    request: &ReceiveRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let receive = Receive::new(request, fields::wait(&received.headers));
    respond::received(hub.service.receive(submitter, receive).await?)
}

pub(super) async fn receive_literal(
    hub: &Hub,
    submitter: &Submitter,
    received: &Received,
) -> Result<Response, Problem> {
    let request: LiteralReceiveRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    let receive = hub.service.find_literal(submitter, &request, fields::wait(&received.headers)).await?;
    respond::received(hub.service.receive(submitter, receive).await?)
}
