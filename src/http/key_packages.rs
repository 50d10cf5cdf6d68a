//! KeyPackages and tokens of this provider's users, on the local listener.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

use super::{Hub, Problem, body, fields, operations::SMALL_BODY_BYTES_MAX, respond};
use crate::wire::{
    DecodeError, DeleteKeyPackagesRequest, KeyPackageRequests, MintTokenRequest, MintTokenResponse, RevokeTokenRequest,
    RevokeTokenResponse, UploadKeyPackagesRequest, decode,
};

/// The most bytes of an upload: as many KeyPackages of their greatest length as it may hold, and room to spare.
const UPLOAD_BYTES_MAX: usize = 2 * 1024 * 1024;
/// As many requests as a bundle may hold, each with the longest user id and token.
const BUNDLE_BYTES_MAX: usize = 64 * 1024;

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/v1/local/upload-key-packages", post(upload))
        .route("/v1/local/register-key-packages", post(register))
        .route("/v1/local/delete-key-packages", post(delete))
        .route("/v1/local/key-package-status", post(status))
        .route("/v1/local/fetch-key-packages", post(fetch))
        .route("/v1/local/mint-token", post(mint))
        .route("/v1/local/revoke-token", post(revoke))
        .route("/v1/local/list-tokens", post(list))
}

async fn upload(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, UPLOAD_BYTES_MAX.min(hub.request_bytes_max())).await?;
    let request: UploadKeyPackagesRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.upload_key_packages(&user, request).await?)
}

async fn register(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, UPLOAD_BYTES_MAX.min(hub.request_bytes_max())).await?;
    let request: UploadKeyPackagesRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.register_key_packages(&user, request).await?)
}

async fn delete(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: DeleteKeyPackagesRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.delete_key_packages(&user, request.client_id).await?)
}

async fn status(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    nothing(&body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?)?;
    respond::answer(&hub.service.key_package_standing(&user).await?)
}

/// For contacts at this same provider, which sees both sides anyway. Whoever asks shows a token like everybody else.
async fn fetch(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, BUNDLE_BYTES_MAX).await?;
    let bundle: KeyPackageRequests = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.fetch_key_packages(&bundle.requests, None).await?)
}

async fn mint(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: MintTokenRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::secret(&MintTokenResponse { token: hub.service.mint_token(&user, request.kind).await? })
}

async fn revoke(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: RevokeTokenRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&RevokeTokenResponse { found: hub.service.revoke_token(&user, &request).await? })
}

async fn list(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    nothing(&body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?)?;
    respond::answer(&hub.service.list_tokens(&user).await?)
}

/// A request without content: an empty body of the media type.
pub(super) fn nothing(received: &body::Received) -> Result<(), Problem> {
    if received.bytes.is_empty() { Ok(()) } else { Err(Problem::malformed(DecodeError::TrailingBytes)) }
}
