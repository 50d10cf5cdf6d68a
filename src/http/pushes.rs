//! Subscribing and pushing between providers, and a user's leave of a group.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

use super::{Hub, Problem, body, fields, operations::SMALL_BODY_BYTES_MAX, peer::AdmittedProvider, respond};
use crate::wire::{LeaveGroupRequest, PushRequest, SubscribeRequest, decode};

/// The paths of the provider listener.
pub(super) fn of_providers() -> Router<Arc<Hub>> {
    Router::new().route("/v1/subscribe", post(subscribe)).route("/v1/push", post(push))
}

/// The path of the local listener.
pub(super) fn of_users() -> Router<Arc<Hub>> {
    Router::new().route("/v1/local/leave-group", post(leave_group))
}

async fn subscribe(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(peer): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: SubscribeRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.subscribe(&peer, &request).await?)
}

async fn push(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(peer): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request: PushRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.keep(&peer, &request).await?)
}

async fn leave_group(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: LeaveGroupRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.leave_group(&user, &request.group_id).await?;
    respond::nothing()
}
