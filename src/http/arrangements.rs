//! What providers arrange with each other (draft §6): a peer reads which of its users are banned here, and complaints.

use std::sync::Arc;

use axum::{
    Router,
    extract::{Request, State},
    response::Response,
    routing::post,
};

use super::{Hub, Problem, body, fields, operations::SMALL_BODY_BYTES_MAX, peer::AdmittedProvider, respond};
use crate::{
    client::http::{ChannelRequest, Operation},
    service::Act,
    wire::{BansRequest, GroupId, ReportReason, ReportRequest, decode},
};

/// The paths of the provider listener.
pub(super) fn of_providers() -> Router<Arc<Hub>> {
    Router::new().route(Operation::Bans.path(), post(bans)).route(Operation::Report.path(), post(report_of_peer))
}

/// The path of the local listener.
pub(super) fn of_users() -> Router<Arc<Hub>> {
    Router::new().route(Operation::Report.path(), post(report_of_user))
}

/// Whoever asks is told of its own users, whatever the request says.
async fn bans(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(peer): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: BansRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    respond::answer(&hub.service.bans_for(&peer, &request))
}

async fn report_of_peer(
    State(hub): State<Arc<Hub>>,
    AdmittedProvider(peer): AdmittedProvider,
    request: Request,
) -> Result<Response, Problem> {
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: ReportRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.charge_report(&peer)?;
    hub.service.report(&peer, &request.about, request.reason).await?;
    respond::nothing()
}

/// Counted here, and handed on to the hub of the group when it is about somebody else than that hub, or a fork: that is
/// what its operator can do something about. One whom that hub bans, and one about a hub that is blocked, is only counted.
async fn report_of_user(State(hub): State<Arc<Hub>>, request: Request) -> Result<Response, Problem> {
    let user = fields::local_user(&hub, request.headers())?;
    let received = body::read(&hub, request, SMALL_BODY_BYTES_MAX).await?;
    let request: ReportRequest = decode(&received.bytes).map_err(Problem::malformed)?;
    hub.service.admit(&user, hub.service.provider(), Act::TakePart)?;
    hub.service.charge_user(&user, received.bytes.len())?;
    hub.service.report(hub.service.provider(), &request.about, request.reason).await?;
    let is_admitted = hub.admit(&user, &request.group_id, Act::TakePart).is_ok();
    let its_hub = hub.other_hub(&request.group_id).filter(|id| is_admitted && is_for_its_hub(id, &request));
    if let Some(id) = its_hub {
        let handed_on = ChannelRequest::new(Operation::Report, received.bytes.clone());
        // What the hub makes of it is its own business: the complaint is counted.
        drop(hub.upstream.call(&hub.service, id.hub(), handed_on).await);
    }
    respond::nothing()
}

fn is_for_its_hub(id: &GroupId, report: &ReportRequest) -> bool {
    id.hub() != &report.about || report.reason == ReportReason::Fork
}
