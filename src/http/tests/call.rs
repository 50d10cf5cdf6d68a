//! A request to a listener, its answer, and what holds for every answer.

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

use super::{House, TOKEN, USER};
use crate::{
    client::ProblemCode,
    http::Peer,
    service::setup::{key, provider},
    wire::MEDIA_TYPE,
};

/// A request to one of the listeners.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) listener: Listener,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

#[derive(Clone)]
pub(super) enum Listener {
    Local,
    Provider(Option<Peer>),
}

impl Call {
    pub(super) fn new(listener: Listener, path: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::new();
        Self { listener, method: Method::POST, path, headers, body: body.into() }.with("content-type", MEDIA_TYPE)
    }

    /// A request of the user to the local listener, as it should be.
    pub(super) fn local(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self::new(Listener::Local, path, body).with("authorization", &format!("Bearer {TOKEN}")).acting_as(USER)
    }

    /// A request of follower.example to the provider listener, as it should be.
    pub(super) fn provider(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self::new(Listener::Provider(Some(Peer::named(provider("follower.example")))), path, body)
    }

    /// Sets a header to one value.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Adds one more value to a header.
    pub(super) fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    pub(super) fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    pub(super) fn acting_as(self, user: &str) -> Self {
        self.with("ds-user", &format!(":{}:", STANDARD.encode(user)))
    }

    pub(super) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    pub(super) async fn answer(&self, house: &House) -> Answer {
        self.answer_to(house, Body::from(self.body.clone())).await
    }

    /// The same with a body that arrives as the test says.
    pub(super) async fn answer_to(&self, house: &House, body: Body) -> Answer {
        let (head, body) = self.respond(house, body).await.into_parts();
        let answer =
            Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() };
        answer.check();
        answer
    }

    /// The same before anything of the answer is read.
    pub(super) async fn respond(&self, house: &House, body: Body) -> Response<Body> {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let (router, request) = match &self.listener {
            Listener::Local => (&house.local, request),
            Listener::Provider(None) => (&house.provider, request),
            Listener::Provider(Some(peer)) => (&house.provider, peer.mark(request)),
        };
        router.clone().oneshot(request).await.unwrap()
    }

    pub(super) async fn assert_problem(&self, house: &House, code: ProblemCode) -> Value {
        let answer = self.answer(house).await;
        answer.assert_problem(code)
    }
}

/// An answer as it goes out.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        assert!(self.headers.get_all(name).iter().count() <= 1, "{name} stands once");
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What holds for every answer.
    pub(super) fn check(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_ne!(self.status, StatusCode::INTERNAL_SERVER_ERROR);
        match self.header("content-type") {
            Some(MEDIA_TYPE) => assert_eq!(self.status, StatusCode::OK),
            Some("application/json") => assert_eq!(self.status, StatusCode::OK),
            Some("application/problem+json") => self.check_problem(),
            _ => assert!(self.body.len() < 100 && !self.status.is_redirection()),
        }
    }

    pub(super) fn check_problem(&self) {
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        let members = document.as_object().unwrap();
        let names: Vec<_> = members.keys().map(String::as_str).collect();
        assert_eq!(names, ["detail", "status", "title", "type"]);
        let code = ProblemCode::from_urn(members["type"].as_str().unwrap()).expect("a code of the specification");
        assert_eq!(code.status(), self.status.as_u16());
        assert_eq!(members["status"], self.status.as_u16());
        assert_eq!(members["title"], self.status.canonical_reason().unwrap());
        let detail = members["detail"].as_str().unwrap();
        assert!(detail.ends_with('.') && detail.chars().next().is_some_and(|first| !first.is_numeric()), "{detail}");
        let again = matches!(code, ProblemCode::RateLimited | ProblemCode::Unavailable);
        assert_eq!(self.header("retry-after").is_some(), again, "{detail}");
        assert!(self.header("retry-after").is_none_or(|seconds| seconds.parse::<u32>().unwrap() > 0));
        let bearer = (code == ProblemCode::Unauthorized).then_some("Bearer");
        assert_eq!(self.header("www-authenticate"), bearer);
        assert_private(&document.to_string());
    }

    pub(super) fn assert_problem(&self, code: ProblemCode) -> Value {
        let shown = String::from_utf8_lossy(&self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {shown}", self.status);
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["type"], code.urn(), "{shown}");
        document
    }

    pub(super) fn assert_ok(&self) {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some(MEDIA_TYPE));
    }
}

/// The text names nobody and nothing of what the tests here ask about.
pub(super) fn assert_private(text: &str) {
    let keys = [0, 1, 9].map(|number| [hex::encode(key(number)), STANDARD.encode(key(number))]).concat();
    let user = STANDARD.encode(USER);
    let names = [USER, &user, TOKEN, "mimi://", "hub.example", "follower.example", "third.example", "stranger"];
    for secret in names.into_iter().chain(keys.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{text}");
    }
}
