//! The operator's operations, on the local listener, in JSON: a file for each family.

mod backup;
mod bans;
mod forks;
mod reports;
mod retention;

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value, json};

use super::{Hub, Problem, body, fields};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route("/admin/revoke-all-tokens", post(revoke_all_tokens))
        .route("/admin/delete-all-key-packages", post(delete_all_key_packages))
        .merge(backup::router())
        .merge(bans::router())
        .merge(forks::router())
        .merge(reports::router())
        .merge(retention::router())
}

/// All tokens of all users open nothing any more.
async fn revoke_all_tokens(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    fields::service_token(&hub, request.headers())?;
    hub.service.revoke_all_tokens().await?;
    Ok(answer(&json!({ "revoked": "all" })))
}

/// All users have to upload anew. It may take longer than whoever asked waits: it goes on, and who asks again waits for
/// the same.
async fn delete_all_key_packages(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    fields::service_token(&hub, request.headers())?;
    let users = hub.service.delete_all_key_packages().await?;
    Ok(answer(&json!({ "users": users })))
}

/// The most bytes of a request: a name, with room to spare.
const BYTES_MAX: usize = 16 * 1024;

/// The operator's request: the service token, and a JSON document.
async fn read<T: serde::de::DeserializeOwned>(hub: &Hub, request: Request) -> Result<T, Problem> {
    fields::service_token(hub, request.headers())?;
    let received = body::read_json(hub, request, BYTES_MAX).await?;
    serde_json::from_slice(&received.bytes).map_err(|_| Problem::not_the_json())
}

/// A request that says nothing but the operation: an empty JSON document.
async fn read_nothing(hub: &Hub, request: Request) -> Result<(), Problem> {
    let nothing: Map<String, Value> = read(hub, request).await?;
    if nothing.is_empty() { Ok(()) } else { Err(Problem::not_the_json()) }
}

fn answer(document: &Value) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document.to_string()).into_response()
}
