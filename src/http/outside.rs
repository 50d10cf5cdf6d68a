//! Operations for who is not in a group yet, on both listeners: GroupInfos, joins, proposals, join tokens.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

use super::{
    Hub, Problem,
    body::{self, Received},
    fields, forward,
    operations::SMALL_BODY_BYTES_MAX,
    peer::Admitted,
    respond,
};
use crate::{
    client::http::{ChannelRequest, Operation},
    sequencer::GroupKey,
    service::{Act, Submitter, UserId},
    wire::{ExternalJoinRequest, ExternalProposalRequest, GroupId, GroupInfoRequest, JoinTokenRequest, decode},
};

/// The paths on the provider listener.
pub(super) fn of_providers() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::ExternalJoin.path(), post(join_of_peer))
        .route(Operation::ExternalProposal.path(), post(proposal_of_peer))
        .route(Operation::GroupInfo.path(), post(group_info_for_peer))
        .route(Operation::JoinToken.path(), post(join_token_for_peer))
}

/// The same on the local listener, for groups of any hub.
pub(super) fn of_users() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::ExternalJoin.path(), post(join_of_user))
        .route(Operation::ExternalProposal.path(), post(proposal_of_user))
        .route(Operation::GroupInfo.path(), post(group_info_for_user))
        .route(Operation::JoinToken.path(), post(join_token_for_user))
}

async fn join_of_peer(
    State(hub): State<Arc<Hub>>,
    Admitted(peer): Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    join(&hub, &peer, decode(&received.bytes).map_err(Problem::malformed)?, &received).await
}

async fn join_of_user(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request: ExternalJoinRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.admit(&user, request.message.group_id(), Act::TakePart)?;
    if let Some(id) = hub.other_hub(request.message.group_id()) {
        hub.service.charge_user(&user, received.bytes.len())?;
        return forwarded(&hub, &id, Operation::ExternalJoin, &received).await;
    }
    join(&hub, &Submitter::User(user), request, &received).await
}

async fn join(
    hub: &Hub,
    submitter: &Submitter,
    request: ExternalJoinRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let token = fields::join_token(&received.headers)?;
    respond::answer(&hub.service.external_join(submitter, request, token.as_ref()).await?)
}

async fn proposal_of_peer(
    State(hub): State<Arc<Hub>>,
    Admitted(peer): Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.external_proposal(&peer, request).await?)
}

async fn proposal_of_user(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request: ExternalProposalRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.admit(&user, request.message.group_id(), Act::TakePart)?;
    if let Some(id) = hub.other_hub(request.message.group_id()) {
        hub.service.charge_user(&user, received.bytes.len())?;
        return forwarded(&hub, &id, Operation::ExternalProposal, &received).await;
    }
    respond::answer(&hub.service.external_proposal(&Submitter::User(user), request).await?)
}

async fn group_info_for_peer(
    State(hub): State<Arc<Hub>>,
    Admitted(peer): Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    group_info(&hub, &peer, &decode(&received.bytes).map_err(Problem::malformed)?, &received).await
}

async fn group_info_for_user(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: GroupInfoRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.admit(&user, &request.group_id, Act::TakePart)?;
    if let Some(id) = hub.other_hub(&request.group_id) {
        return forwarded(&hub, &id, Operation::GroupInfo, &received).await;
    }
    group_info(&hub, &Submitter::User(user), &request, &received).await
}

async fn group_info(
    hub: &Hub,
    submitter: &Submitter,
    request: &GroupInfoRequest,
    received: &Received,
) -> Result<Response, Problem> {
    let token = fields::join_token(&received.headers)?;
    respond::group_info(hub.service.group_info(submitter, request, token.as_ref()).await?)
}

async fn join_token_for_peer(
    State(hub): State<Arc<Hub>>,
    Admitted(peer): Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::secret(&hub.service.join_token(&peer, &request).await?)
}

async fn join_token_for_user(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user: UserId = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: JoinTokenRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.admit(&user, &request.group_id, Act::TakePart)?;
    let Some(id) = hub.other_hub(&request.group_id) else {
        return respond::secret(&hub.service.join_token(&Submitter::User(user), &request).await?);
    };
    let answer = forward::call(&hub, &id, ChannelRequest::new(Operation::JoinToken, received.bytes.clone())).await?;
    if answer.is_success() {
        // The user has shown the key, and the hub has found it good.
        let group = GroupKey::of(id.as_bytes());
        hub.service.note_presentation(&user, group, request.partition_key.masked());
    }
    Ok(answer.into_response())
}

/// Hands a request to the hub of its group, byte for byte, with the join token. Nobody has shown a partition key by it.
async fn forwarded(hub: &Hub, id: &GroupId, operation: Operation, received: &Received) -> Result<Response, Problem> {
    let mut request = ChannelRequest::new(operation, received.bytes.clone());
    request.join_token = fields::join_token(&received.headers)?;
    Ok(forward::call(hub, id, request).await?.into_response())
}
