//! The operator's listener: health and numbers. On loopback, without TLS.
//!
//! # Privacy
//! Gateways are told apart by their place in the configuration, and users not at all.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use tower_service::Service;

use crate::{
    keys::{KeyTrouble, Keys},
    outer_fields::without_content,
    relay::Relay,
};

const RESOURCES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// `/healthz`, `/readyz`, `/metrics`.
#[derive(Clone, Debug)]
pub struct Admin {
    relay: Relay,
    draining: Arc<AtomicBool>,
}

impl Admin {
    /// Shows this relay.
    pub fn new(relay: Relay) -> Self {
        Self { relay, draining: Arc::default() }
    }

    /// From here on the relay is not ready.
    pub fn drain(&self) {
        self.draining.store(true, Relaxed);
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, String::new());
        }
        let response = match path {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => self.readiness(),
            "/metrics" => text(StatusCode::OK, self.relay.counters().render()),
            _ => text(StatusCode::NOT_FOUND, String::new()),
        };
        if *method == Method::HEAD { without_content(response) } else { response }
    }

    /// Ready unless it drains or has no key list of any gateway: one gateway that is down is no reason to go elsewhere.
    /// What is wrong with single gateways stands below, in either case.
    fn readiness(&self) -> Response<Full<Bytes>> {
        let routes = self.relay.routes();
        let has_list = routes.all().any(|route| route.keys.list().is_some());
        let (status, word) = match (self.draining.load(Relaxed), has_list) {
            (true, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            (false, false) => (StatusCode::SERVICE_UNAVAILABLE, "no gateway's key list has been fetched yet"),
            (false, true) => (StatusCode::OK, "ready"),
        };
        let mut details: Vec<_> = routes.all().filter_map(|route| Some((route.place, detail(&route.keys)?))).collect();
        details.sort_unstable();
        let lines = details.iter().map(|(place, detail)| format!("gateways[{place}]: {detail}\n"));
        text(status, format!("{word}\n{}", lines.collect::<String>()))
    }
}

/// What the operator should know of a gateway's key list.
fn detail(keys: &Keys) -> Option<&'static str> {
    Some(match (keys.trouble(), keys.list().is_some()) {
        (None, true) => return None,
        (None, false) => "the key list has not been fetched yet",
        (Some(KeyTrouble::TooSoon), _) => {
            "a key list was refused: it changed sooner than limits.key_change_min_hours after the one before, which is \
             still served"
        }
        (Some(KeyTrouble::Unusable(_) | KeyTrouble::NoList), _) => "a key list was refused: it is not usable",
        (Some(KeyTrouble::Unreachable), true) => "the key list could not be fetched again",
        (Some(KeyTrouble::Unreachable), false) => "the key list could not be fetched",
        (Some(KeyTrouble::NotRecorded), _) => "a new key list could not be recorded under relay.state_path",
    })
}

/// What the log calls a request.
pub(crate) fn route(_: &Method, uri: &Uri) -> &'static str {
    RESOURCES.into_iter().find(|path| *path == uri.path()).unwrap_or("other")
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl<B> Service<Request<B>> for Admin {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.uri().path())))
    }
}
