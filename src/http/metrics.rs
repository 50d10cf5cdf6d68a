//! `/metrics`: how the hub fares, in numbers (specs/operations.md).
//!
//! # Privacy
//! Labels are words of closed sets. Peers, users and groups are not told apart, and nothing here grows with requests.

use std::sync::{Arc, OnceLock};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use restante_process::{
    metrics::{Counted, Exposition, Kind, Label},
    words,
};

use super::{Hub, health, route};
use crate::{client::http::Operation, wire::ProblemCode};

/// Where they are.
pub(super) const METRICS: &str = "/metrics";

/// Which listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listener {
    Provider,
    Local,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// It was carried out.
    Answered,
    /// It was refused: a status of 4xx.
    Refused,
    /// It failed here, or there was no room for it: any other status.
    Failed,
}

words!(Ending { Answered => "answered", Refused => "refused", Failed => "failed" });

impl Label for ProblemCode {
    const ALL: &'static [Self] = &ProblemCode::ALL;

    fn word(self) -> &'static str {
        self.as_str()
    }
}

impl Ending {
    fn of(status: StatusCode) -> Self {
        if status.is_success() {
            Self::Answered
        } else if status.is_client_error() {
            Self::Refused
        } else {
            Self::Failed
        }
    }
}

/// Paths as they are counted, in order: all of ours, and the rest together.
fn paths() -> impl Iterator<Item = &'static str> {
    Operation::ALL.into_iter().map(Operation::path).chain(health::PATHS).chain([METRICS, OTHER])
}

/// What [`route()`] says of a path that is none of ours.
const OTHER: &str = "other";

/// What one listener was asked, by path.
type Asked = Vec<(&'static str, Counted<Ending>)>;

fn nothing_asked() -> Asked {
    paths().map(|path| (path, Counted::default())).collect()
}

/// What listeners count.
pub(super) struct Requests {
    provider: Asked,
    local: Asked,
    problems: Counted<ProblemCode>,
    /// Of a part that the hub does not know.
    others: OnceLock<Box<Expose>>,
}

/// Writes numbers of a part that the hub does not know.
pub type Expose = dyn Fn(&mut Exposition) + Send + Sync;

impl Default for Requests {
    fn default() -> Self {
        let (provider, local) = (nothing_asked(), nothing_asked());
        Self { provider, local, problems: Counted::default(), others: OnceLock::new() }
    }
}

impl Requests {
    /// Whoever was told first stays.
    pub(super) fn expose_also(&self, others: Box<Expose>) {
        // A second one would be a bug of the caller's, and no reason to end.
        drop(self.others.set(others));
    }

    fn count(&self, listener: Listener, path: &'static str, response: &Response) {
        let asked = match listener {
            Listener::Provider => &self.provider,
            Listener::Local => &self.local,
        };
        if let Some((_, counted)) = asked.iter().find(|(known, _)| *known == path) {
            counted.add(Ending::of(response.status()));
        }
        if let Some(code) = response.extensions().get::<ProblemCode>() {
            self.problems.add(*code);
        }
    }

    fn expose(&self, text: &mut Exposition) {
        let rows: Vec<_> = [("provider", &self.provider), ("local", &self.local)]
            .into_iter()
            .flat_map(|(listener, asked)| asked.iter().map(move |(path, counted)| (listener, *path, counted)))
            .flat_map(|(listener, path, counted)| counted.all().map(move |(word, n)| ([listener, path, word], n)))
            .collect();
        let rows = rows.iter().map(|(words, count)| (&words[..], *count));
        let labels = ["listener", "operation", "outcome"];
        let help = "Requests that were answered, by what was asked and how it ended.";
        text.labelled(Kind::Counter, "restante_hub_requests_total", help, &labels, rows);
        let help = "Requests that were refused or failed, by the code of their problem document.";
        text.counted("restante_hub_problems_total", help, "code", &self.problems);
    }
}

/// Counts a request that was answered. One whose client has gone away before is not counted.
pub(super) async fn count(
    State((hub, listener)): State<(Arc<Hub>, Listener)>,
    request: Request,
    next: Next,
) -> Response {
    let path = route::route(request.method(), request.uri());
    let response = next.run(request).await;
    hub.requests.count(listener, path, &response);
    response
}

/// For whoever may use the local listener, without a token: it says nothing of anybody.
pub(super) async fn metrics(State(hub): State<Arc<Hub>>) -> Response {
    let content_type = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, content_type)], hub.metrics().finish()).into_response()
}

impl Hub {
    /// All numbers of the hub and its parts, for `/metrics` and for whoever exports them.
    pub fn metrics(&self) -> Exposition {
        let mut text = Exposition::default();
        let ready = u64::from(health::is_ready(self));
        text.number(Kind::Gauge, "restante_hub_ready", "Whether requests can be answered.", ready);
        let help = "Parts of the process that stopped by a bug.";
        text.number(Kind::Counter, "restante_hub_panics_total", help, restante_process::telemetry::panics());
        let help = "Providers that may ask and are asked.";
        text.number(Kind::Gauge, "restante_hub_peers", help, self.peers() as u64);
        let help = "When the certificate of each listener with TLS expires.";
        let name = "restante_hub_certificate_expires_timestamp_seconds";
        text.words(Kind::Gauge, name, help, "listener", self.expiries());
        let help = "Bytes of request bodies that are in memory.";
        text.number(Kind::Gauge, "restante_hub_request_bodies_bytes", help, self.body_bytes());
        self.requests.expose(&mut text);
        self.service.expose(&mut text);
        self.exports().expose(&mut text, "restante_hub_exports_total");
        if let Some(others) = self.requests.others.get() {
            others(&mut text);
        }
        text
    }
}
