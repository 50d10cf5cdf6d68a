//! Forks: which groups show them, how a group is drawn, and what ends a branch.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};
use serde::{Deserialize, Serialize};

use super::{answer, read};
use crate::{
    client::http::Operation,
    forks::{Answer, Listed, Listing, group_name, parse_name, shown},
    http::{Hub, Problem},
    sequencer::{BranchOutcome, GroupKey},
    service::{BranchDone, Named, Unnamed},
};

/// Their paths.
pub(super) fn router() -> Router<Arc<Hub>> {
    Router::new()
        .route(Operation::ListForks.path(), post(list))
        .route(Operation::ShowForks.path(), post(show))
        .route(Operation::ForeseeTermination.path(), post(foresee))
        .route(Operation::TerminateBranch.path(), post(terminate))
        .route(Operation::RestoreBranch.path(), post(restore))
}

/// From where on groups are wanted.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    /// What an earlier answer gave.
    after: Option<String>,
}

/// A group by the first 16 hex digits of SHA-256 of its id, or more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfGroup {
    group: String,
}

/// A partition of it by the first 16 hex digits of its masked key, or more.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfBranch {
    group: String,
    branch: String,
}

impl OfBranch {
    fn names(&self) -> Result<(Vec<u8>, Vec<u8>), Problem> {
        Ok((name(&self.group)?, name(&self.branch)?))
    }
}

async fn list(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let from: From = read(&hub, request).await?;
    let after = from.after.map(|after| {
        let mut key = [0; GroupKey::LENGTH];
        hex::decode_to_slice(after, &mut key).map(|()| GroupKey::new(key)).map_err(|_| Problem::not_the_json())
    });
    let page = hub.service.forked_groups(after.transpose()?).await?;
    let groups = page.groups.iter().map(|forked| Listed {
        group: group_name(&forked.group),
        evidence: shown(&forked.record.evidence),
        evident_ms: forked.record.evident_ms,
        terminated: forked.record.terminated,
    });
    written(&Listing { groups: groups.collect(), after: page.after.map(|after| hex::encode(after.as_bytes())) })
}

async fn show(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let of: OfGroup = read(&hub, request).await?;
    let picture = hub.service.draw_forks(name(&of.group)?).await?;
    written(&named(picture, |picture| Answer::Picture(Box::new(picture))))
}

async fn foresee(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let of: OfBranch = read(&hub, request).await?;
    let (group, branch) = of.names()?;
    let notice = hub.service.foresee_termination(group, branch).await?;
    written(&named(notice, |notice| notice.map_or_else(Answer::refused, |notice| Answer::Notice(Box::new(notice)))))
}

async fn terminate(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let of: OfBranch = read(&hub, request).await?;
    let (group, branch) = of.names()?;
    written(&named(hub.service.terminate_branch(group, branch).await?, done))
}

async fn restore(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let of: OfBranch = read(&hub, request).await?;
    let (group, branch) = of.names()?;
    written(&named(hub.service.restore_branch(group, branch).await?, done))
}

fn name(text: &str) -> Result<Vec<u8>, Problem> {
    parse_name(text).ok_or_else(Problem::not_the_json)
}

fn named<T>(found: Named<T>, answer: impl FnOnce(T) -> Answer) -> Answer {
    found.map_or_else(|unnamed| Answer::Unnamed { several: unnamed == Unnamed::Several }, answer)
}

fn done(done: Result<BranchDone, BranchOutcome>) -> Answer {
    done.map_or_else(Answer::refused, |BranchDone { partitions, is_done }| Answer::Done { partitions, is_done })
}

fn written<T: Serialize>(document: &T) -> Result<Response, Problem> {
    // Numbers and texts can be written.
    serde_json::to_value(document).map(|document| answer(&document)).map_err(|_| Problem::unavailable())
}
