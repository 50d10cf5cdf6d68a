//! The provider listener: other providers, by their certificates.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    middleware::from_fn_with_state,
    response::Response,
    routing::post,
};
use tower::util::MapResponseLayer;

use super::{
    Hub, Problem, arrangements, body,
    metrics::{self, Listener},
    operations::{self, SMALL_BODY_BYTES_MAX},
    outside,
    peer::{Admitted, AdmittedProvider},
    pushes,
    respond::{self, no_store},
};
use crate::wire::{WelcomeInitRequest, WelcomePush, decode};

/// As many KeyPackageRefs as a Welcome can have new members, of the longest hash, and room to spare.
const WELCOME_INIT_BYTES_MAX: usize = 9 * 1024 * 1024;

/// Its paths.
pub fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/v1/send", post(send))
        .route("/v1/receive", post(receive))
        .route("/v1/receive-literal", post(receive_literal))
        .route("/v1/welcome-init", post(welcome_init))
        .route("/v1/welcome", post(welcome))
        .merge(outside::of_providers())
        .merge(pushes::of_providers())
        .merge(arrangements::of_providers())
        .layer(from_fn_with_state((hub.clone(), Listener::Provider), metrics::count))
        .layer(MapResponseLayer::new(no_store))
        .with_state(hub)
}

async fn send(State(hub): State<Arc<Hub>>, Admitted(peer): Admitted, request: Request) -> Result<Response, Problem> {
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let request = operations::decode_send(&received)?;
    operations::send(&hub, &peer, request, &received).await
}

async fn receive(State(hub): State<Arc<Hub>>, Admitted(peer): Admitted, request: Request) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    operations::receive(&hub, &peer, operations::wanted(received)?).await
}

async fn receive_literal(
    State(hub): State<Arc<Hub>>,
    Admitted(peer): Admitted,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let (request, wait) = operations::wanted_literally(received)?;
    operations::receive_literal(&hub, &peer, request, wait).await
}

async fn welcome_init(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(from): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, WELCOME_INIT_BYTES_MAX.min(hub.request_bytes_max())).await?;
    let request: WelcomeInitRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.welcome_init(&from, request).await?)
}

async fn welcome(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(from): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, hub.request_bytes_max()).await?;
    let push: WelcomePush = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.welcome(&from, push).await?;
    respond::nothing()
}
