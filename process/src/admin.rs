//! The operator's listener of a program: `/healthz`, `/readyz`, `/metrics`.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, Uri,
    header::{ALLOW, CONTENT_LENGTH, CONTENT_TYPE},
};
use http_body_util::Full;
use hyper::body::Body as _;
use tower::Service;

use crate::metrics::Exposition;

const RESOURCES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// What a program says of itself.
///
/// # Privacy
/// Numbers and words from closed sets: whoever reads them learns how the program fares, not whom it serves.
pub trait Standing: Clone {
    /// Lines of text: an error when requests had better go elsewhere.
    ///
    /// # Errors
    /// Why they had better.
    fn readiness(&self) -> Result<String, String>;

    /// All numbers, for `/metrics` and for whoever exports them.
    fn metrics(&self) -> Exposition;
}

/// Answers GET and HEAD, and other methods with what it allows (RFC 9110, §15.5.6). `/healthz` says that the process answers.
#[derive(Clone, Debug)]
pub struct Admin<S>(pub S);

impl<S: Standing> Admin<S> {
    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, String::new());
            refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return refused;
        }
        let response = match path {
            "/healthz" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match self.0.readiness() {
                Ok(lines) => text(StatusCode::OK, lines),
                Err(lines) => text(StatusCode::SERVICE_UNAVAILABLE, lines),
            },
            "/metrics" => text(StatusCode::OK, self.0.metrics().finish()),
            _ => text(StatusCode::NOT_FOUND, String::new()),
        };
        if *method == Method::HEAD { without_content(response) } else { response }
    }
}

/// What the log calls a request.
pub fn route(_: &Method, uri: &Uri) -> &'static str {
    RESOURCES.into_iter().find(|path| *path == uri.path()).unwrap_or("other")
}

/// The answer to HEAD: hyper leaves it to us to send no content over HTTP/2.
pub fn without_content(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let length = response.body().size_hint().lower();
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    response.map(|_| Full::default())
}

fn text(status: StatusCode, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

impl<S: Standing, B> Service<Request<B>> for Admin<S> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Kind;

    #[derive(Clone)]
    struct Busy;

    impl Standing for Busy {
        fn readiness(&self) -> Result<String, String> {
            Err("busy\n".to_owned())
        }

        fn metrics(&self) -> Exposition {
            let mut text = Exposition::default();
            text.number(Kind::Counter, "requests", "All.", 1);
            text
        }
    }

    #[test]
    fn head_is_get_without_content() {
        let admin = Admin(Busy);
        for (path, status, length) in
            [("/healthz", 200, 3), ("/readyz", 503, 5), ("/metrics", 200, 56), ("/nothing", 404, 0)]
        {
            let get = admin.answer(&Method::GET, path);
            assert_eq!((get.status().as_u16(), get.body().size_hint().exact()), (status, Some(length)), "{path}");
            let head = admin.answer(&Method::HEAD, path);
            assert_eq!((head.status(), head.body().size_hint().exact()), (get.status(), Some(0)), "{path}");
            assert_eq!(head.headers()["content-length"], length.to_string(), "{path}");
        }
        let refused = admin.answer(&Method::POST, "/healthz");
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }
}
