//! Welcomes of this provider's users, on the local listener.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

use super::{Hub, Problem, body, fields, operations::SMALL_BODY_BYTES_MAX, respond};
use crate::wire::{InboxAckRequest, InboxRequest, decode};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new().route("/v1/local/inbox", post(fetch)).route("/v1/local/inbox-ack", post(acknowledge))
}

async fn fetch(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: InboxRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    let wait = fields::wait(&received.headers);
    // Nobody who waits keeps the memory that all bodies share.
    drop(received);
    respond::inbox(hub.service.inbox(&user, request, wait).await?)
}

async fn acknowledge(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: InboxAckRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.acknowledge(&user, request).await?;
    respond::nothing()
}
