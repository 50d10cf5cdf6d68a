//! What was reported of providers.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use serde_json::{Map, Value, json};

use super::{answer, read};
use crate::{
    client::http::Operation,
    http::{Hub, Problem},
};

/// Their path.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new().route(Operation::ListReports.path(), post(list))
}

async fn list(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let everything: Map<String, Value> = read(&hub, request).await?;
    if !everything.is_empty() {
        return Err(Problem::not_the_json());
    }
    let reports: Vec<_> = hub
        .service
        .complaints()
        .into_iter()
        .map(|(key, complaints)| {
            json!({
                "about": key.about.as_str(),
                "reason": key.reason.as_str(),
                "from": key.from.as_str(),
                "number": complaints.number,
                "first_ms": complaints.first_ms,
                "last_ms": complaints.last_ms,
            })
        })
        .collect();
    Ok(answer(&json!({ "reports": reports })))
}
