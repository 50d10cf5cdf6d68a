//! `/healthz`: the process answers. `/readyz`: it can do its work.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::Hub;
use crate::service::Error;

pub(super) const ALIVE: &str = "/healthz";
pub(super) const READY: &str = "/readyz";
/// All of them.
pub(super) const PATHS: [&str; 2] = [ALIVE, READY];

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

pub(super) async fn ready(State(hub): State<Arc<Hub>>) -> (StatusCode, &'static str) {
    if hub.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining\n");
    }
    match hub.service.ready() {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(Error::Store(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the database takes no writes: see the log\n"),
        Err(
            Error::Rejected(_)
            | Error::PoolRejected(_)
            | Error::InvalidKeyPackage { .. }
            | Error::KeyPackageTooLarge(_)
            | Error::Overloaded
            | Error::ShuttingDown
            | Error::NotSubscribed
            | Error::ForeignMessage
            | Error::TooManyWaiting
            | Error::NoEntropy
            | Error::NoThread,
        ) => (StatusCode::SERVICE_UNAVAILABLE, "a lane has ended: restart\n"),
    }
}
