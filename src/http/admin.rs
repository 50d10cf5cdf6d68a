//! The operator's operations, on the local listener, in JSON.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::json;

use super::{Hub, Problem, fields};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new().route("/admin/revoke-all-tokens", post(revoke_all_tokens))
}

/// All tokens of all users open nothing any more.
async fn revoke_all_tokens(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    fields::service_token(&hub, request.headers())?;
    hub.service.revoke_all_tokens().await?;
    let document = json!({ "revoked": "all" }).to_string();
    Ok(([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], document).into_response())
}
