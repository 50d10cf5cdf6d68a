//! What stands behind the gateway here: first the mark of the request is on the disk, then the origin is asked.
//!
//! An origin that is asked may change something, and cannot write our marks in the same step. So the mark comes first:
//! a crash between the two loses a request, and a copy of a request never reaches the origin.

use std::{convert::Infallible, pin::Pin, sync::Arc, task::Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use restante_gateway::ReplayMark;
use tower::Service;

use crate::{config::Route, marks::Marks, origin::Origin};

/// The service that the gateway wraps.
#[derive(Clone, Debug)]
pub(crate) struct Forward {
    marks: Marks,
    origin: Origin,
    routes: Arc<[Route]>,
}

impl Forward {
    pub(crate) fn new(marks: Marks, origin: Origin, routes: Arc<[Route]>) -> Self {
        Self { marks, origin, routes }
    }

    async fn answer(self, request: Request<Bytes>) -> Response<Bytes> {
        let bytes_max = response_class(&self.routes, &request);
        let Some(mark) = request.extensions().get::<ReplayMark>().copied() else {
            return problem(StatusCode::INTERNAL_SERVER_ERROR, "the request has no mark");
        };
        if self.marks.write(mark).await.is_err() {
            return problem(StatusCode::SERVICE_UNAVAILABLE, "the request cannot be remembered, so it is not answered");
        }
        match self.origin.ask(request, bytes_max).await {
            Ok(response) => response,
            Err(_) => problem(StatusCode::BAD_GATEWAY, "the target gave no usable answer"),
        }
    }
}

/// To how many bytes answers to this request are padded.
pub(crate) fn response_class(routes: &[Route], request: &Request<Bytes>) -> usize {
    let path = request.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let route = routes.iter().find(|route| route.method == *request.method() && route.path == path);
    route.map_or(0, |route| route.response_bytes)
}

fn problem(status: StatusCode, title: &str) -> Response<Bytes> {
    let code = status.as_u16();
    let body = format!(r#"{{"type":"about:blank","title":"{title}","status":{code}}}"#);
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    response
}

impl Service<Request<Bytes>> for Forward {
    type Response = Response<Bytes>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Bytes>) -> Self::Future {
        let forward = self.clone();
        Box::pin(async move { Ok(forward.answer(request).await) })
    }
}
