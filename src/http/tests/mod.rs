//! The HTTP binding without a socket: a file for each endpoint, and one for each thing that all have in common.
//!
//! Every answer of every test goes through [`Call::answer`], which checks what holds for all of them: nothing is for
//! caches, a refusal is a problem document of one shape, and no text tells what the request was about.

mod bodies;
mod codes;
mod create_group;
mod health;
mod local_receive;
mod local_receive_literal;
mod local_send;
mod mint_group_id;
mod problems;
mod provider_receive;
mod provider_receive_literal;
mod provider_send;
mod routes;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, Bytes},
    http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;
use zeroize::Zeroizing;

use super::{Hub, HubParts, Peer, Upstream};
use crate::{
    client::ProblemCode,
    fixtures::{mls, requests},
    sequencer::Policy,
    service::{
        Limits,
        setup::{Setup, key, peers, provider},
    },
    wire::MEDIA_TYPE,
};

const TOKEN: &str = "service-token-canary";
const USER: &str = "user-canary";

/// A hub with both routers.
struct House {
    setup: Setup,
    hub: Arc<Hub>,
    local: Router,
    provider: Router,
}

/// What stands around the service, for tests of it.
#[derive(Clone, Copy)]
struct Bounds {
    request_bytes_max: usize,
    in_flight_bytes_max: usize,
    body_timeout: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        let body_timeout = Duration::from_secs(30);
        Self { request_bytes_max: 64 * MIB, in_flight_bytes_max: 512 * MIB, body_timeout }
    }
}

impl House {
    fn new() -> Self {
        Self::with(Policy::default(), Limits::default(), Bounds::default())
    }

    fn with(policy: Policy, limits: Limits, bounds: Bounds) -> Self {
        let setup = Setup::with(policy, limits);
        let hub = Arc::new(Hub::new(HubParts {
            service: setup.service.clone(),
            upstream: Upstream::default(),
            peers: peers(),
            service_token: Some(Zeroizing::new(TOKEN.to_owned())),
            request_bytes_max: bounds.request_bytes_max,
            in_flight_bytes_max: bounds.in_flight_bytes_max,
            body_timeout: bounds.body_timeout,
        }));
        let (local, provider) = (super::local::router(hub.clone()), super::provider::router(hub.clone()));
        Self { setup, hub, local, provider }
    }

    /// The messages that a user finds in the partition of that number.
    async fn messages(&self, group: &[u8], number: u8) -> usize {
        let body = requests::receive(group, key(number), 0);
        let answer = Call::local("/v1/receive", body).answer(self).await;
        assert_eq!(answer.status, StatusCode::OK);
        let response: crate::wire::ReceiveResponse = crate::wire::decode(&answer.body).unwrap();
        response.epoch.messages.len()
    }
}

/// A request to one of the listeners.
#[derive(Clone)]
struct Call {
    listener: Listener,
    method: Method,
    path: &'static str,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Clone)]
enum Listener {
    Local,
    Provider(Option<Peer>),
}

impl Call {
    fn new(listener: Listener, path: &'static str, body: impl Into<Bytes>) -> Self {
        let headers = HeaderMap::new();
        Self { listener, method: Method::POST, path, headers, body: body.into() }.with("content-type", MEDIA_TYPE)
    }

    /// A request of the user to the local listener, as it should be.
    fn local(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self::new(Listener::Local, path, body).with("authorization", &format!("Bearer {TOKEN}")).acting_as(USER)
    }

    /// A request of follower.example to the provider listener, as it should be.
    fn provider(path: &'static str, body: impl Into<Bytes>) -> Self {
        Self::new(Listener::Provider(Some(Peer::named(provider("follower.example")))), path, body)
    }

    /// Sets a header to one value.
    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    /// Adds one more value to a header.
    fn and(mut self, name: &'static str, value: &str) -> Self {
        self.headers.append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.remove(name);
        self
    }

    fn acting_as(self, user: &str) -> Self {
        self.with("ds-user", &format!(":{}:", STANDARD.encode(user)))
    }

    fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    async fn answer(&self, house: &House) -> Answer {
        self.answer_to(house, Body::from(self.body.clone())).await
    }

    /// The same with a body that arrives as the test says.
    async fn answer_to(&self, house: &House, body: Body) -> Answer {
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        *request.headers_mut() = self.headers.clone();
        let (router, request) = match &self.listener {
            Listener::Local => (&house.local, request),
            Listener::Provider(None) => (&house.provider, request),
            Listener::Provider(Some(peer)) => (&house.provider, peer.mark(request)),
        };
        let (head, body) = router.clone().oneshot(request).await.unwrap().into_parts();
        let answer =
            Answer { status: head.status, headers: head.headers, body: body.collect().await.unwrap().to_bytes() };
        answer.check();
        answer
    }

    async fn assert_problem(&self, house: &House, code: ProblemCode) -> Value {
        let answer = self.answer(house).await;
        answer.assert_problem(code)
    }
}

/// An answer as it goes out.
#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        assert!(self.headers.get_all(name).iter().count() <= 1, "{name} stands once");
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// What holds for every answer.
    fn check(&self) {
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_ne!(self.status, StatusCode::INTERNAL_SERVER_ERROR);
        match self.header("content-type") {
            Some(MEDIA_TYPE) => assert_eq!(self.status, StatusCode::OK),
            Some("application/problem+json") => self.check_problem(),
            _ => assert!(self.body.len() < 100 && !self.status.is_redirection()),
        }
    }

    fn check_problem(&self) {
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

    fn assert_problem(&self, code: ProblemCode) -> Value {
        let shown = String::from_utf8_lossy(&self.body);
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{} {shown}", self.status);
        let document: Value = serde_json::from_slice(&self.body).unwrap();
        assert_eq!(document["type"], code.urn(), "{shown}");
        document
    }

    fn assert_ok(&self) {
        assert_eq!(self.status, StatusCode::OK, "{}", String::from_utf8_lossy(&self.body));
        assert_eq!(self.header("content-type"), Some(MEDIA_TYPE));
    }
}

/// The text names nobody and nothing of what the tests here ask about.
fn assert_private(text: &str) {
    let keys = [0, 1, 9].map(|number| [hex::encode(key(number)), STANDARD.encode(key(number))]).concat();
    let user = STANDARD.encode(USER);
    let names = [USER, &user, TOKEN, "mimi://", "hub.example", "follower.example", "third.example", "stranger"];
    for secret in names.into_iter().chain(keys.iter().map(String::as_str)) {
        assert!(!text.contains(secret), "{text}");
    }
}

/// Bodies that are not what they should be, made from one that is. `group_id_at` is where its group id's length stands.
fn malformed(body: &[u8], group_id_at: usize, message_at: Option<usize>) -> Vec<(String, Vec<u8>)> {
    let mut variants: Vec<_> = (0..body.len()).map(|end| (format!("cut at {end}"), body[..end].to_vec())).collect();
    variants.push(("one byte more".to_owned(), [body, &[0]].concat()));
    variants.push(("twice".to_owned(), [body, body].concat()));
    let length = body[group_id_at];
    assert!(length < 0x40, "a length of one byte");
    let with_length = |prefix: &[u8]| [&body[..group_id_at], prefix, &body[group_id_at + 1..]].concat();
    variants.push(("a length of two bytes".to_owned(), with_length(&[0x40, length])));
    variants.push(("a length of four bytes".to_owned(), with_length(&[0x80, 0, 0, length])));
    variants.push(("a length that is none".to_owned(), with_length(&[0xff])));
    variants.push(("a length beyond the end".to_owned(), with_length(&[0xbf, 0xff, 0xff, 0xff])));
    if let Some(at) = message_at {
        for (name, offset, value) in [
            ("version 2", 1, 2),
            ("version 0x0101", 0, 1),
            ("no wire format", 3, 0),
            ("a Welcome", 3, 3),
            ("a GroupInfo", 3, 4),
            ("a KeyPackage", 3, 5),
        ] {
            let mut variant = body.to_vec();
            variant[at + offset] = value;
            variants.push((name.to_owned(), variant));
        }
    }
    variants
}

/// Every one of them is refused as malformed, in words that tell which rule it breaks.
async fn assert_all_malformed(house: &House, call: &Call, variants: Vec<(String, Vec<u8>)>) {
    for (name, body) in variants {
        let answer = call.clone().body(body).answer(house).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{name}");
        answer.assert_problem(ProblemCode::Malformed);
    }
}

/// The media type is looked at before the body, on every endpoint.
async fn assert_media_type_is_checked(house: &House, call: &Call) {
    for wrong in [
        "application/octet-stream",
        "application/json",
        "application/vnd.mimi-ds-v2",
        "application/vnd.mimi-d",
        "vnd.mimi-ds",
        "",
        "*/*",
    ] {
        call.clone().with("content-type", wrong).assert_problem(house, ProblemCode::UnsupportedMedia).await;
    }
    call.clone().without("content-type").assert_problem(house, ProblemCode::UnsupportedMedia).await;
    call.clone().and("content-type", MEDIA_TYPE).assert_problem(house, ProblemCode::UnsupportedMedia).await;
    call.clone()
        .with("content-type", "text/plain")
        .body(vec![0xff; 10_000_000])
        .assert_problem(house, ProblemCode::UnsupportedMedia)
        .await;
    for right in ["application/vnd.mimi-ds; charset=utf-8", "Application/Vnd.Mimi-DS", " application/vnd.mimi-ds "] {
        let answer = call.clone().with("content-type", right).answer(house).await;
        assert_ne!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{right}");
    }
}

/// The service token and the user are looked at before anything else, on every endpoint of the local listener.
async fn assert_local_access_is_checked(house: &House, call: &Call) {
    let unauthorized = ProblemCode::Unauthorized;
    // Before the media type and the body.
    let garbage = call.clone().with("content-type", "text/plain").body("garbage");
    garbage.clone().without("authorization").assert_problem(house, unauthorized).await;
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        &format!("Bearer {TOKEN}x"),
        &format!("Bearer {}", &TOKEN[1..]),
        &format!("Bearer {} {TOKEN}", &TOKEN[1..]),
        &format!("Basic {TOKEN}"),
        TOKEN,
        "",
    ] {
        call.clone().with("authorization", wrong).assert_problem(house, unauthorized).await;
    }
    let bearer = format!("Bearer {TOKEN}");
    call.clone().and("authorization", &bearer).assert_problem(house, unauthorized).await;
    let lower = call.clone().with("authorization", &format!("bearer  {TOKEN} ")).answer(house).await;
    assert_ne!(lower.status, StatusCode::UNAUTHORIZED, "RFC 9110: the scheme has no case");

    let malformed = ProblemCode::Malformed;
    call.clone().without("ds-user").assert_problem(house, malformed).await;
    let encoded = STANDARD.encode(USER);
    for wrong in [
        encoded.as_str(),
        &format!(":{encoded}"),
        &format!("{encoded}:"),
        &format!("\"{encoded}\""),
        "::",
        ":",
        ":not base64!:",
        ":dXNlcg:",
        ":_-_-:",
        &format!(":{encoded}:;a=b"),
        &format!(":{}:", STANDARD.encode([b'u'; 513])),
    ] {
        call.clone().with("ds-user", wrong).assert_problem(house, malformed).await;
    }
    call.clone().and("ds-user", &format!(":{encoded}:")).assert_problem(house, malformed).await;
    for right in [&[0_u8][..], &[0xff; 512], b"a"] {
        let answer = call.clone().with("ds-user", &format!(":{}:", STANDARD.encode(right))).answer(house).await;
        assert!(answer.status.is_success() || answer.status != StatusCode::BAD_REQUEST, "{right:?}");
    }
}

/// Who is no configured peer is refused before anything else, on every endpoint of the provider listener.
async fn assert_peers_are_checked(house: &House, call: &Call) {
    let own = Peer::named(provider("hub.example"));
    let stranger = Peer::named(provider("stranger.example"));
    let parent = Peer::named(provider("sub.follower.example"));
    let no_certificate = Peer::of_certificate(b"not a certificate");
    for peer in [None, Some(own), Some(stranger), Some(parent), Some(no_certificate)] {
        let mut call = call.clone();
        call.listener = Listener::Provider(peer);
        call.assert_problem(house, ProblemCode::NotAPeer).await;
        call.with("content-type", "text/plain").body("garbage").assert_problem(house, ProblemCode::NotAPeer).await;
    }
    // A service token opens nothing here.
    let mut call = call.clone().with("authorization", &format!("Bearer {TOKEN}")).acting_as(USER);
    call.listener = Listener::Provider(None);
    call.assert_problem(house, ProblemCode::NotAPeer).await;
}

fn application(group: &[u8], text: &[u8]) -> Vec<u8> {
    requests::send(&mls::application(group, 0, text), key(0))
}
