//! What stands behind the gateway: KeyPackage fetches, and nothing else (draft §4.1).
//!
//! The request was encapsulated; nobody here knows whose it is. It is a tower service of whole requests, so that the
//! gateway needs to know nothing of it.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::response::IntoResponse;
use bytes::Bytes;
use http::{
    Method, Request, Response, StatusCode,
    header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use http_body_util::BodyExt;
use tower::Service as TowerService;

use super::{Problem, body::is_media_type, respond};
use crate::{
    pool::ReplayMark,
    service::{ANSWER_CLASS_BYTES, Service},
    wire::{KeyPackageRequest, KeyPackageRequests, KeyPackageResponse, MEDIA_TYPE, decode},
};

/// One KeyPackage, as the draft has it.
const ONE: &str = "/v1/key-package";
/// A bundle.
const MANY: &str = "/v1/key-packages";

/// Answers KeyPackage fetches in process.
#[derive(Clone)]
pub struct KeyPackageTarget {
    service: Arc<Service>,
}

impl KeyPackageTarget {
    /// In front of that service.
    pub fn new(service: Arc<Service>) -> Self {
        Self { service }
    }

    /// What may be asked for.
    pub fn routes() -> Vec<(Method, String)> {
        [ONE, MANY].map(|path| (Method::POST, path.to_owned())).into()
    }

    /// The size of the answer to a request, whatever it will be: 8 KiB times the number of its requests, rounded up to
    /// a power of two. So neither success nor the number of somebody's devices shows, nor that somebody is asked for
    /// twice, which is refused.
    pub fn response_class(request: &Request<Bytes>) -> usize {
        let requests = match request.uri().path() {
            MANY => KeyPackageRequests::count_in(request.body()).unwrap_or(1),
            _ => 1,
        };
        ANSWER_CLASS_BYTES * requests.next_power_of_two()
    }

    async fn answer(&self, request: Request<Bytes>) -> Result<axum::response::Response, Problem> {
        let mark = request.extensions().get::<ReplayMark>().copied();
        if !is_media_type(request.headers()) {
            return Err(Problem::unsupported_media(MEDIA_TYPE));
        }
        match request.uri().path() {
            ONE => {
                let asked: KeyPackageRequest = decode(request.body()).map_err(Problem::malformed)?;
                let found = self.service.fetch_key_package(&asked, mark).await?;
                let key_package = found.map_err(Problem::no_key_package)?;
                respond::answer(&KeyPackageResponse { key_package })
            }
            MANY => {
                let bundle: KeyPackageRequests = decode(request.body()).map_err(Problem::malformed)?;
                respond::answer(&self.service.fetch_key_packages(&bundle.requests, mark).await?)
            }
            _ => Ok(StatusCode::NOT_FOUND.into_response()),
        }
    }
}

impl TowerService<Request<Bytes>> for KeyPackageTarget {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let target = self.clone();
        Box::pin(async move {
            let answer = target.answer(request).await.unwrap_or_else(IntoResponse::into_response);
            let (head, body) = answer.into_parts();
            // Made from whole buffers above: collecting them cannot fail.
            let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
            let mut response = Response::new(body);
            *response.status_mut() = head.status;
            for name in [CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE] {
                if let Some(value) = head.headers.get(&name) {
                    response.headers_mut().insert(name, value.clone());
                }
            }
            Ok(response)
        })
    }
}

impl std::fmt::Debug for KeyPackageTarget {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("KeyPackageTarget")
    }
}
