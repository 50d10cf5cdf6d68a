//! The operator's listener: health and numbers. On loopback or a unix socket, without TLS.

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
use restante_gateway::{Counters, ReplayWindow};
use tower::Service;

use crate::{marks::Marks, metrics};

const RESOURCES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// `/healthz`, `/readyz`, `/metrics`.
#[derive(Clone)]
pub(crate) struct Admin {
    pub(crate) counters: Arc<Counters>,
    pub(crate) replays: Arc<ReplayWindow>,
    pub(crate) marks: Marks,
    pub(crate) draining: Arc<AtomicBool>,
}

impl Admin {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            return text(StatusCode::METHOD_NOT_ALLOWED, String::new());
        }
        let trouble = self.trouble();
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match trouble {
                None => text(StatusCode::OK, "ready\n".to_owned()),
                Some(trouble) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{trouble}\n")),
            },
            "/metrics" => text(StatusCode::OK, metrics::render(&self.counters, &self.replays, trouble.is_none())),
            _ => text(StatusCode::NOT_FOUND, String::new()),
        }
    }

    /// There is always a key: without one the process does not start.
    fn trouble(&self) -> Option<&'static str> {
        if self.draining.load(Relaxed) {
            Some("draining")
        } else if self.marks.is_poisoned() {
            Some("marks of requests cannot be written: see replays.path, then restart")
        } else {
            None
        }
    }
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

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ready(Ok(self.answer(request.method(), request.uri().path())))
    }
}
