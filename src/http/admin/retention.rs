//! How retention stands, and that it is to begin now: numbers only.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use serde_json::{Value, json};

use super::{answer, read_nothing};
use crate::{
    client::http::Operation,
    http::{Hub, Problem},
    service::RetentionStatus,
    store::Removed,
};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::RunRetention.path(), post(run))
        .route(Operation::RetentionStatus.path(), post(status))
}

/// A walk begins, unless one is under way. It goes on by itself.
async fn run(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    read_nothing(&hub, request).await?;
    hub.service.ask_for_retention();
    Ok(answer(&document(hub.service.retention_status())))
}

async fn status(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    read_nothing(&hub, request).await?;
    Ok(answer(&document(hub.service.retention_status())))
}

fn document(status: RetentionStatus) -> Value {
    let RetentionStatus { started_ms, removed, last_started_ms, last_ended_ms, last_removed, rests_until_ms } = status;
    json!({
        "under_way": started_ms.map(|started_ms| json!({ "started_ms": started_ms, "so_far": numbers(removed) })),
        "last": (last_ended_ms > 0).then(|| json!({
            "started_ms": last_started_ms,
            "ended_ms": last_ended_ms,
            "in_all": numbers(last_removed),
        })),
        "rests_until_ms": rests_until_ms,
    })
}

fn numbers(removed: Removed) -> Value {
    let Removed { groups, partitions, messages, bytes, emptied, receipts, presentations, unreadable } = removed;
    json!({
        "groups_looked_at": groups,
        "partitions_looked_at": partitions,
        "partitions_emptied": emptied,
        "messages_removed": messages,
        "bytes_removed": bytes,
        "receipts_removed": receipts,
        "presentations_removed": presentations,
        "unreadable": unreadable,
    })
}
