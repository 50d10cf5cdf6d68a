//! A backup of the running server's database, in the folder that its configuration names and no other.

use std::{path, sync::Arc};

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
    service::{AskedBackup, BackupStatus},
    store::{self, Backup},
};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::CreateBackup.path(), post(create))
        .route(Operation::BackupStatus.path(), post(status))
}

/// A backup begins, unless one is being made. It goes on by itself.
async fn create(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    read_nothing(&hub, request).await?;
    let Some(AskedBackup { began, number, folder, status }) = hub.service.begin_backup() else {
        return Ok(answer(&json!({ "nowhere": true })));
    };
    let mut document = document(&status);
    document["began"] = began.into();
    document["number"] = number.into();
    // Whoever asks may be in another folder, and have another configuration.
    document["folder"] = path::absolute(&folder).unwrap_or(folder).to_string_lossy().into();
    Ok(answer(&document))
}

async fn status(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    read_nothing(&hub, request).await?;
    Ok(answer(&document(&hub.service.backup_status())))
}

fn document(status: &BackupStatus) -> Value {
    let numbered = |(number, ended): &(u64, Result<Backup, store::Error>)| {
        let mut document = outcome(ended);
        document["number"] = (*number).into();
        document
    };
    json!({
        "under_way": status.started_ms.map(|started_ms| json!({ "started_ms": started_ms })),
        "ended": status.ended(),
        "last": status.last().map(outcome),
        "recent": status.recent.iter().map(numbered).collect::<Value>(),
    })
}

fn outcome(ended: &Result<Backup, store::Error>) -> Value {
    match ended {
        Ok(Backup { id, made_ms, bytes, files }) => {
            json!({ "id": id, "made_ms": made_ms, "bytes": bytes, "files": files })
        }
        Err(error) => json!({ "failed": error.to_string() }),
    }
}
