//! The local listener: this provider's own service, acting for its users.
//!
//! The hub is read from the group id: groups of this hub are served here, others are forwarded to their hub.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::from_fn_with_state,
    response::Response,
    routing::{get, post},
};
use tower::util::MapResponseLayer;

use super::{
    Hub, Problem, admin, arrangements, body, fields, forward, health, inbox, key_packages,
    metrics::{self, Listener, METRICS},
    operations::{self, SMALL_BODY_BYTES_MAX},
    outside, pushes,
    respond::{self, no_store},
};
use crate::{
    mls::ContentType,
    service::{Act, Receive, Submitter},
    wire::{CreateGroupRequest, DeleteGroupRequest, MintGroupIdResponse, decode},
};

/// Its paths.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/send", post(send))
        .route("/v1/receive", post(receive))
        .route("/v1/receive-literal", post(receive_literal))
        .route("/v1/local/mint-group-id", post(mint_group_id))
        .route("/v1/local/create-group", post(create_group))
        .route("/v1/local/delete-group", post(delete_group))
        .merge(outside::of_users())
        .merge(key_packages::router())
        .merge(inbox::router())
        .merge(pushes::of_users())
        .merge(arrangements::of_users())
        .merge(admin::router())
        .route(health::ALIVE, get(health::alive))
        .route(health::READY, get(health::ready))
        .route(METRICS, get(metrics::metrics))
        .layer(from_fn_with_state((hub.clone(), Listener::Local), metrics::count))
        .layer(MapResponseLayer::new(no_store))
        .with_state(hub)
}

async fn send(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request = operations::decode_send(&received)?;
    let act = if request.message.content_type() == ContentType::Application { Act::Speak } else { Act::TakePart };
    hub.admit(&user, request.message.group_id(), act)?;
    if let Some(id) = hub.other_hub(request.message.group_id()) {
        return forward::send(&hub, &user, &id, &request, &received).await;
    }
    operations::send(&hub, &Submitter::User(user), request, &received).await
}

async fn receive(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request = operations::decode_receive(&received)?;
    hub.admit(&user, &request.group_id, Act::TakePart)?;
    if let Some(id) = hub.other_hub(&request.group_id) {
        return forward::receive(&hub, &user, &id, &request, received).await;
    }
    let receive = Receive::new(&request, fields::wait(&received.headers));
    // Nothing of it is kept while it waits.
    drop((request, received));
    operations::receive(&hub, &Submitter::User(user), receive).await
}

/// Names no group, so it can mean groups of this hub only.
async fn receive_literal(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let (request, wait) = operations::wanted_literally(received)?;
    hub.service.admit(&user, hub.service.provider(), Act::TakePart)?;
    operations::receive_literal(&hub, &Submitter::User(user), request, wait).await
}

/// The request has no content: an empty body of the media type.
async fn mint_group_id(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    key_packages::nothing(&received)?;
    hub.service.admit(&user, hub.service.provider(), Act::TakePart)?;
    let id = hub.service.mint_group_id(&user).await?;
    respond::answer(&MintGroupIdResponse { group_id: id.as_bytes().to_vec() })
}

async fn create_group(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request: CreateGroupRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.admit(&user, hub.service.provider(), Act::TakePart)?;
    respond::answer(&hub.service.create_group(&user, request, &received.bytes).await?)
}

/// A group of another hub is no group here: only its own hub deletes it, for its own users.
async fn delete_group(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: DeleteGroupRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.admit(&user, &request.group_id, Act::TakePart)?;
    hub.service.delete_group(&user, &request).await?;
    respond::nothing()
}
