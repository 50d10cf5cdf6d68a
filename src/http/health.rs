//! `/healthz`: the process answers. `/readyz`: it can do its work.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode};

use super::Hub;
use crate::{service::Error, store};

pub(super) const ALIVE: &str = "/healthz";
pub(super) const READY: &str = "/readyz";
/// All of them.
pub(super) const PATHS: [&str; 2] = [ALIVE, READY];

pub(super) async fn alive() -> &'static str {
    "ok\n"
}

/// Below the first line stands what is wrong with parts that others do without.
pub(super) async fn ready(State(hub): State<Arc<Hub>>) -> (StatusCode, String) {
    let (status, first) = readiness(&hub);
    (status, [first].into_iter().chain(hub.remarks()).fold(String::new(), |lines, line| lines + line + "\n"))
}

/// Whether requests can be answered.
pub(super) fn is_ready(hub: &Hub) -> bool {
    readiness(hub).0.is_success()
}

fn readiness(hub: &Hub) -> (StatusCode, &'static str) {
    if hub.is_draining() {
        return (StatusCode::SERVICE_UNAVAILABLE, "draining");
    }
    match hub.service.ready() {
        Ok(()) => (StatusCode::OK, "ready"),
        Err(Error::Store(store::Error::Damaged(_))) => {
            (StatusCode::SERVICE_UNAVAILABLE, "the database cannot be read, and takes no writes: see the log")
        }
        Err(Error::Store(_)) => (StatusCode::SERVICE_UNAVAILABLE, "the database takes no writes: see the log"),
        Err(
            Error::Rejected(_)
            | Error::PoolRejected(_)
            | Error::InvalidKeyPackage { .. }
            | Error::KeyPackageTooLarge(_)
            | Error::Overloaded
            | Error::ShuttingDown
            | Error::NotSubscribed
            | Error::ForeignMessage
            | Error::RepeatedReference
            | Error::TooFast { .. }
            | Error::TooManyBans
            | Error::TooManyInVain
            | Error::TooManyWaiting
            | Error::NoEntropy
            | Error::NoThread,
        ) => (StatusCode::SERVICE_UNAVAILABLE, "a lane has ended: restart"),
    }
}
