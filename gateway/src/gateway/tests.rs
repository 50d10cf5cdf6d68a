//! The gateway as its relays and clients see it. The client is the `ohttp` and `bhttp` crates.

use std::{
    convert::Infallible,
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::{Body, Frame};
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;
use tower::{ServiceExt as _, service_fn};

use super::{Gateway, WELL_KNOWN};
use crate::{
    DATE, Kem, Keyring, OHTTP_KEY, Outcome, Policy, Rate, RelayIdentity, ReplayMark, RotationSchedule, SMALLEST_CLASS,
    Target, binary,
    machine::Surroundings as _,
    tests::{START_MS, Scripted},
};

type Answer = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Infallible>> + Send>>;
type Handler = dyn Fn(Request<Bytes>) -> Answer + Send + Sync;
type TargetService = tower::util::BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Infallible>;

struct Bench {
    _folder: TempDir,
    surroundings: Arc<Scripted>,
    keyring: Arc<Keyring>,
    gateway: Gateway<TargetService>,
    seen: Arc<Mutex<Vec<Request<()>>>>,
}

fn echo(request: Request<Bytes>) -> Answer {
    Box::pin(async move { Ok(Response::new(request.into_body())) })
}

impl Bench {
    fn new() -> Self {
        Self::with(Policy::default(), echo)
    }

    fn with(policy: Policy, handler: impl Fn(Request<Bytes>) -> Answer + Send + Sync + 'static) -> Self {
        let folder = TempDir::new().unwrap();
        let surroundings = Arc::new(Scripted::new());
        let schedule = RotationSchedule { x_wing: true, ..RotationSchedule::default() };
        let seal_key = folder.path().join("seal-key");
        let keyring = Keyring::open(&folder.path().join("keys"), &seal_key, schedule, surroundings.as_ref());
        let keyring = Arc::new(keyring.unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (handler, record): (Arc<Handler>, _) = (Arc::new(handler), Arc::clone(&seen));
        let service = service_fn(move |request: Request<Bytes>| {
            let (parts, body) = request.into_parts();
            record.lock().unwrap().push(Request::from_parts(parts.clone(), ()));
            handler(Request::from_parts(parts, body))
        });
        let allowed = Target {
            authority: "follower.example".into(),
            routes: vec![(Method::POST, "/v1/key-package".into()), (Method::POST, "/v1/key-packages".into())],
        };
        // Two classes, by path, as a bundle and a single request have.
        let class = |request: &Request<Bytes>| if request.uri().path() == "/v1/key-packages" { 32 * 1024 } else { 0 };
        let gateway = Gateway::new(
            TargetService::new(service),
            allowed,
            class,
            Arc::clone(&keyring),
            policy,
            Arc::clone(&surroundings) as Arc<_>,
        );
        Self { _folder: folder, surroundings, keyring, gateway, seen }
    }

    async fn send<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        let (parts, body) = self.gateway.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    async fn post(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.send(outer(body)).await
    }

    /// A key configuration of the list.
    fn config(&self, kem: Kem) -> Vec<u8> {
        let configs = ohttp::KeyConfig::decode_list(self.keyring.live().list()).unwrap();
        let configs = configs.iter().map(|config| config.encode().unwrap());
        configs.into_iter().find(|config| config[1..3] == kem.id().to_be_bytes()).unwrap()
    }

    fn encapsulate(&self, message: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
        ohttp::ClientRequest::from_encoded_config(&self.config(Kem::X25519)).unwrap().encapsulate(message).unwrap()
    }

    /// Sends a message sealed; checks that the answer shows nothing; opens it.
    async fn ask(&self, message: &[u8]) -> Inner {
        let (request, response) = self.encapsulate(message);
        let answer = self.post(request).await;
        open(&answer, response)
    }

    fn now(&self) -> HeaderValue {
        binary::format_date(self.surroundings.now_ms())
    }

    fn message(&self) -> bhttp::Message {
        let mut message = inner("/v1/key-package");
        message.put_header("date", self.now().as_bytes());
        message
    }

    fn count(&self, outcome: Outcome) -> u64 {
        self.gateway.counters().of(outcome)
    }

    fn dispatched(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

fn inner(path: &str) -> bhttp::Message {
    let mut message = bhttp::Message::request(b"POST".into(), b"https".into(), b"follower.example".into(), path.into());
    message.put_header("content-type", "application/octet-stream");
    message.write_content(b"question");
    message
}

fn encode(message: &bhttp::Message) -> Vec<u8> {
    let mut encoded = Vec::new();
    message.write_bhttp(bhttp::Mode::KnownLength, &mut encoded).unwrap();
    encoded
}

fn outer(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::post(WELL_KNOWN).body(Full::new(body.into())).unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/ohttp-req"));
    request
}

#[derive(Debug)]
struct Inner {
    status: u16,
    fields: Vec<(String, String)>,
    content: Vec<u8>,
    /// Bytes of the sealed answer as the relay sees it.
    outer_length: usize,
}

impl Inner {
    fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn problem(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        String::from_utf8(self.content.clone()).unwrap()
    }
}

fn assert_shows_nothing(answer: &Response<Bytes>) {
    assert_eq!(answer.status(), StatusCode::OK);
    let fields: Vec<_> = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(fields, [("content-type", &b"message/ohttp-res"[..])]);
}

fn open(answer: &Response<Bytes>, response: ohttp::ClientResponse) -> Inner {
    assert_shows_nothing(answer);
    let plain = response.decapsulate(answer.body()).unwrap();
    let message = bhttp::Message::read_bhttp(&mut std::io::Cursor::new(&plain)).unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Inner {
        status: message.control().status().unwrap().code(),
        fields: message.header().iter().map(|field| (text(field.name()), text(field.value()))).collect(),
        content: message.content().to_vec(),
        outer_length: answer.body().len(),
    }
}

fn assert_problem(answer: &Response<Bytes>, status: u16, kind: &str) {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let body = std::str::from_utf8(answer.body()).unwrap();
    assert!(body.contains(&format!(r#""type":"{kind}""#)) && body.contains(&format!(r#""status":{status}"#)), "{body}");
}

#[tokio::test]
async fn a_request_reaches_the_target_and_its_answer_the_client() {
    let bench = Bench::new();
    let answer = bench.ask(&encode(&bench.message())).await;
    assert_eq!((answer.status, answer.content.as_slice()), (200, &b"question"[..]));
    assert_eq!(bench.count(Outcome::Answered), 1);
    let seen = bench.seen.lock().unwrap();
    assert_eq!(seen[0].method(), Method::POST);
    assert_eq!(seen[0].uri(), "https://follower.example/v1/key-package");
    assert_eq!(seen[0].headers()[header::CONTENT_TYPE], "application/octet-stream");
}

#[tokio::test]
async fn every_key_of_the_list_works() {
    let bench = Bench::new();
    for kem in Kem::ALL {
        let client = ohttp::ClientRequest::from_encoded_config(&bench.config(kem)).unwrap();
        let (request, response) = client.encapsulate(&encode(&bench.message())).unwrap();
        let answer = bench.post(request).await;
        assert_eq!(open(&answer, response).content, b"question", "{kem:?}");
    }
}

/// RFC 9540 §4, §5; RFC 9458 §3.2.
#[tokio::test]
async fn the_list_is_given_directly_with_a_validator() {
    let bench = Bench::new();
    let get = |method: Method, tag: Option<&str>| {
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = method;
        *request.uri_mut() = WELL_KNOWN.parse().unwrap();
        if let Some(tag) = tag {
            request.headers_mut().insert(header::IF_NONE_MATCH, HeaderValue::from_str(tag).unwrap());
        }
        bench.send(request)
    };
    let list = get(Method::GET, None).await;
    assert_eq!(list.status(), StatusCode::OK);
    assert_eq!(list.headers()[header::CONTENT_TYPE], "application/ohttp-keys");
    assert_eq!(list.headers()[header::CACHE_CONTROL], "public, max-age=3600");
    assert_eq!(ohttp::KeyConfig::decode_list(list.body()).unwrap().len(), 2);
    let etag = list.headers()[header::ETAG].to_str().unwrap().to_owned();

    let head = get(Method::HEAD, None).await;
    assert_eq!((head.status(), head.body().len()), (StatusCode::OK, 0));
    assert_eq!(head.headers()[header::CONTENT_LENGTH], list.body().len().to_string());

    for known in [etag.clone(), format!("W/{etag}"), format!("\"x\", {etag}"), "*".into()] {
        let answer = get(Method::GET, Some(&known)).await;
        assert_eq!((answer.status(), answer.body().len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
        assert_eq!(answer.headers()[header::ETAG], etag);
    }
    assert_eq!(get(Method::GET, Some("\"another\"")).await.body(), list.body());
}

/// Whoever caches the list asks again when it has changed, and not up to an hour later.
#[tokio::test]
async fn the_list_is_cached_until_its_next_change_at_most() {
    let bench = Bench::new();
    let ask = async || {
        let list = bench.send(Request::get(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap()).await;
        list.headers()[header::CACHE_CONTROL].to_str().unwrap().to_owned()
    };
    let next_change_ms = bench.keyring.next_change_ms();
    for (before_ms, max_age) in [(3_600_001, 3600), (600_000, 600), (599_001, 600), (599_000, 599), (1, 1), (0, 1)] {
        bench.surroundings.set(next_change_ms - before_ms);
        assert_eq!(ask().await, format!("public, max-age={max_age}"), "{before_ms} ms before");
    }
    bench.surroundings.pass(60_000);
    assert_eq!(ask().await, "public, max-age=1", "a change that is overdue");
    bench.keyring.refresh(bench.surroundings.as_ref()).unwrap();
    assert_eq!(ask().await, "public, max-age=3600");
}

/// Key targeting: whoever asks, however, gets the same.
#[tokio::test]
async fn the_list_is_the_same_for_everybody() {
    let bench = Bench::new();
    let mut answers = Vec::new();
    for (name, value) in [("accept", "*/*"), ("user-agent", "a"), ("cookie", "id=7"), ("x-forwarded-for", "192.0.2.1")]
    {
        let mut request = Request::get(WELL_KNOWN).header(name, value).body(Full::new(Bytes::new())).unwrap();
        request.extensions_mut().insert(RelayIdentity(value.into()));
        let answer = bench.send(request).await;
        answers.push((answer.headers().clone(), answer.into_body()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[tokio::test]
async fn other_resources_and_methods_are_refused_in_clear() {
    let bench = Bench::new();
    for path in ["/", "/.well-known/", "/.well-known/ohttp-gateway/", "/v1/key-package"] {
        let request = Request::get(path).body(Full::new(Bytes::new())).unwrap();
        assert_problem(&bench.send(request).await, 404, "about:blank");
    }
    for method in [Method::PUT, Method::DELETE, Method::OPTIONS, Method::CONNECT] {
        let request = Request::builder().method(method).uri(WELL_KNOWN).body(Full::new(Bytes::new())).unwrap();
        let answer = bench.send(request).await;
        assert_problem(&answer, 405, "about:blank");
        assert_eq!(answer.headers()[header::ALLOW], "GET, HEAD, POST");
    }
    assert_eq!(bench.count(Outcome::NoResource), 8);
}

#[tokio::test]
async fn another_media_type_is_refused_in_clear() {
    let bench = Bench::new();
    let (body, _) = bench.encapsulate(&encode(&bench.message()));
    for value in [None, Some("message/ohttp-res"), Some("application/octet-stream"), Some("message/ohttp-chunked-req")]
    {
        let mut request = outer(body.clone());
        request.headers_mut().remove(header::CONTENT_TYPE);
        if let Some(value) = value {
            request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(value));
        }
        let answer = bench.send(request).await;
        assert_problem(&answer, 415, "about:blank");
        assert_eq!(answer.headers()[header::ACCEPT], "message/ohttp-req");
    }
    let mut twice = outer(body.clone());
    twice.headers_mut().append(header::CONTENT_TYPE, HeaderValue::from_static("message/ohttp-req"));
    assert_problem(&bench.send(twice).await, 415, "about:blank");
    let mut coded = outer(body.clone());
    coded.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    assert_problem(&bench.send(coded).await, 415, "about:blank");
    let mut upper = outer(body);
    upper.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("Message/OHTTP-Req"));
    assert_shows_nothing(&bench.send(upper).await);
}

#[tokio::test]
async fn empty_and_short_bodies_are_refused_in_clear() {
    let bench = Bench::new();
    for length in [0, 1, 7, 54] {
        assert_problem(&bench.post(vec![0; length]).await, 400, "about:blank");
    }
    assert_eq!(bench.count(Outcome::TooShort), 4);
}

/// RFC 9458 §5.3, §6.4: an unknown key, a known one with a wrong suite, and an altered text look the same to the byte.
#[tokio::test]
async fn what_cannot_be_decrypted_is_refused_in_one_shape() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    let altered = |place: usize| {
        let mut altered = request.clone();
        altered[place] ^= 1;
        altered
    };
    let answers = [altered(0), altered(2), altered(6), altered(20), altered(request.len() - 1), request[..60].to_vec()];
    let mut seen = Vec::new();
    for body in answers {
        let answer = bench.post(body).await;
        assert_problem(&answer, 422, OHTTP_KEY);
        seen.push((answer.headers().clone(), answer.into_body()));
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!((bench.count(Outcome::Undecryptable), bench.dispatched()), (6, 0));
}

#[tokio::test]
async fn a_retired_key_is_an_unknown_key() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    bench.keyring.retire(request[0], bench.surroundings.as_ref()).unwrap();
    assert_problem(&bench.post(request).await, 422, OHTTP_KEY);
}

#[tokio::test]
async fn more_than_the_limit_is_refused_whether_announced_or_not() {
    let policy = Policy { request_bytes_max: 1000, ..Policy::default() };
    let bench = Bench::with(policy, echo);
    assert_problem(&bench.post(vec![0; 1001]).await, 413, "about:blank");
    let chunks = futures_body(vec![Some(vec![0; 600]), Some(vec![0; 600])]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| chunks)).await, 413, "about:blank");
    assert_problem(&bench.post(vec![0; 1000]).await, 422, OHTTP_KEY);
    assert_eq!(bench.count(Outcome::TooLarge), 2);
}

/// A body of these frames; after a `None` nothing ever comes.
fn futures_body(frames: Vec<Option<Vec<u8>>>) -> Slow {
    Slow(frames.into())
}

struct Slow(std::collections::VecDeque<Option<Vec<u8>>>);

impl Body for Slow {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.0.front() {
            None => Poll::Ready(None),
            Some(None) => Poll::Pending,
            Some(Some(frame)) if frame.is_empty() => Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into()))),
            Some(Some(_)) => {
                let frame = self.0.pop_front().flatten().unwrap_or_default();
                Poll::Ready(Some(Ok(Frame::data(frame.into()))))
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn slow_and_broken_bodies_are_refused_in_clear() {
    let bench = Bench::new();
    let slow = futures_body(vec![Some(vec![0; 60]), None]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| slow)).await, 408, "about:blank");
    let broken = futures_body(vec![Some(vec![0; 60]), Some(Vec::new())]);
    assert_problem(&bench.send(outer(Bytes::new()).map(|_| broken)).await, 400, "about:blank");
    assert_eq!((bench.count(Outcome::SlowBody), bench.count(Outcome::BrokenBody)), (1, 1));
}

#[tokio::test]
async fn over_budget_is_refused_before_anything_is_opened() {
    let rate = |burst| Rate { per_second: NonZeroU32::MIN, burst: NonZeroU32::new(burst).unwrap() };
    let policy = Policy { each_relay: rate(2), others_together: rate(1), ..Policy::default() };
    let bench = Bench::with(policy, echo);
    let from = |relay: Option<&str>| {
        let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
        if let Some(relay) = relay {
            request.extensions_mut().insert(RelayIdentity(relay.into()));
        }
        bench.send(request)
    };
    assert_shows_nothing(&from(None).await);
    let refused = from(None).await;
    assert_problem(&refused, 429, "about:blank");
    assert_eq!(refused.headers()[header::RETRY_AFTER], "1");
    for relay in ["a.example", "b.example"] {
        assert_shows_nothing(&from(Some(relay)).await);
        assert_shows_nothing(&from(Some(relay)).await);
        assert_problem(&from(Some(relay)).await, 429, "about:blank");
    }
    assert_eq!((bench.count(Outcome::OverBudget), bench.dispatched()), (3, 5));
}

#[tokio::test]
async fn too_many_at_once_are_refused_in_clear() {
    let policy = Policy { requests_at_once: 1, ..Policy::default() };
    let (entered, release) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (enter, wait) = (Arc::clone(&entered), Arc::clone(&release));
    let bench = Bench::with(policy, move |_| {
        let (enter, wait) = (Arc::clone(&enter), Arc::clone(&wait));
        Box::pin(async move {
            enter.notify_one();
            wait.notified().await;
            Ok(Response::new(Bytes::new()))
        })
    });
    let (first, _) = bench.encapsulate(&encode(&bench.message()));
    let (second, _) = bench.encapsulate(&encode(&bench.message()));
    let held = tokio::spawn(bench.gateway.clone().oneshot(outer(first)));
    entered.notified().await;
    let refused = bench.post(second.clone()).await;
    assert_problem(&refused, 503, "about:blank");
    assert_eq!(refused.headers()[header::RETRY_AFTER], "2");
    release.notify_one();
    held.await.unwrap().unwrap();
    release.notify_one();
    assert_shows_nothing(&bench.post(second).await);
}

#[tokio::test]
async fn without_random_bytes_nothing_is_opened() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    bench.surroundings.dry_up();
    assert_problem(&bench.post(request).await, 503, "about:blank");
    assert_eq!(bench.dispatched(), 0);
}

/// RFC 9458 §5.1: the expectation cannot be met, outside or inside.
#[tokio::test]
async fn expectations_are_errors() {
    let bench = Bench::new();
    let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
    request.headers_mut().insert(header::EXPECT, HeaderValue::from_static("100-continue"));
    assert_problem(&bench.send(request).await, 417, "about:blank");
    let mut message = bench.message();
    message.put_header("expect", "100-continue");
    assert_eq!(bench.ask(&encode(&message)).await.status, 417);
    assert_eq!((bench.count(Outcome::ExpectationInside), bench.dispatched()), (1, 0));
}

#[tokio::test]
async fn what_is_wrong_inside_is_said_inside() {
    let bench = Bench::new();
    let answer = bench.ask(b"no binary message").await;
    assert_eq!(answer.status, 400);
    assert!(answer.problem().contains("not a valid binary request"));
    let mut padded = encode(&bench.message());
    padded.push(1);
    assert_eq!(bench.ask(&padded).await.status, 400);
    assert_eq!((bench.count(Outcome::Malformed), bench.dispatched()), (2, 0));
}

/// No SSRF: only the one authority, the listed paths and methods.
#[tokio::test]
async fn what_is_not_listed_does_not_reach_the_target() {
    let bench = Bench::new();
    let ask = |method: &str, scheme: &str, authority: &str, path: &str| {
        let mut message = bhttp::Message::request(method.into(), scheme.into(), authority.into(), path.into());
        message.put_header("date", bench.now().as_bytes());
        encode(&message)
    };
    for (message, status) in [
        (ask("POST", "https", "hub.example", "/v1/key-package"), 421),
        (ask("POST", "https", "127.0.0.1", "/v1/key-package"), 421),
        (ask("POST", "https", "follower.example:22", "/v1/key-package"), 421),
        (ask("POST", "http", "follower.example", "/v1/key-package"), 421),
        (ask("POST", "https", "follower.example", "/v1/send"), 404),
        (ask("POST", "https", "follower.example", "/v1/key-package/../send"), 404),
        (ask("POST", "https", "follower.example", "/v1/key-package?user=1"), 404),
        (ask("GET", "https", "follower.example", "/v1/key-package"), 405),
        (ask("CONNECT", "https", "follower.example", "/v1/key-package"), 405),
    ] {
        assert_eq!(bench.ask(&message).await.status, status);
    }
    assert_eq!((bench.count(Outcome::NotAllowed), bench.dispatched()), (9, 0));
}

/// RFC 9458 §6.5.1, §6.5.2.
#[tokio::test]
async fn a_date_outside_of_the_window_is_answered_with_the_time() {
    let bench = Bench::new();
    let dated = |date: HeaderValue| {
        let mut message = inner("/v1/key-package");
        message.put_header("date", date.as_bytes());
        encode(&message)
    };
    for late in [121_000, 122_000, 86_400_000] {
        for now_ms in [START_MS - late, START_MS + late] {
            let answer = bench.ask(&dated(binary::format_date(now_ms))).await;
            assert_eq!(answer.status, 400);
            assert!(answer.problem().contains(DATE));
            assert_eq!(answer.field("date"), bench.now().to_str().ok());
            assert_eq!(answer.field("cache-control"), Some("no-store"));
        }
    }
    assert_eq!((bench.count(Outcome::WrongDate), bench.dispatched()), (6, 0));
    for now_ms in [START_MS - 120_000, START_MS, START_MS + 120_000] {
        assert_eq!(bench.ask(&dated(binary::format_date(now_ms))).await.status, 200);
    }
}

#[tokio::test]
async fn a_request_without_one_date_is_refused() {
    let bench = Bench::new();
    let mut twice = bench.message();
    twice.put_header("date", bench.now().as_bytes());
    let mut no_date = inner("/v1/key-package");
    no_date.put_header("date", "yesterday");
    for message in [inner("/v1/key-package"), twice, no_date] {
        let answer = bench.ask(&encode(&message)).await;
        assert_eq!(answer.status, 400);
        assert!(answer.problem().contains(DATE));
        assert_eq!(answer.field("date"), bench.now().to_str().ok());
    }
    assert_eq!((bench.count(Outcome::NoDate), bench.dispatched()), (3, 0));
}

/// RFC 9458 §6.5: a copy never reaches the target a second time, at no moment of its date's life.
#[tokio::test]
async fn a_copy_is_refused_as_long_as_it_could_pass_for_fresh() {
    let bench = Bench::new();
    // As far ahead as is allowed: it stays fresh for twice the window.
    let mut message = inner("/v1/key-package");
    message.put_header("date", binary::format_date(START_MS + 120_000).as_bytes());
    let (request, _) = bench.encapsulate(&encode(&message));
    assert_shows_nothing(&bench.post(request.clone()).await);
    for passed in [0, 1, 1_000, 120_000, 239_000, 239_999, 240_000, 240_001, 241_000, 3_600_000] {
        bench.surroundings.set(START_MS + passed);
        assert_shows_nothing(&bench.post(request.clone()).await);
        assert_eq!(bench.dispatched(), 1, "{passed} ms later");
    }
    assert_eq!(bench.count(Outcome::Replayed) + bench.count(Outcome::WrongDate), 10);
    assert_eq!(bench.count(Outcome::Replayed), 7);
}

/// The answer to a copy can be read by whoever could read the first, and by nobody else; it has the same size.
#[tokio::test]
async fn a_copy_is_answered_sealed_and_in_the_same_size() {
    let bench = Bench::new();
    let (request, response) = bench.encapsulate(&encode(&bench.message()));
    let first = bench.post(request.clone()).await;
    let answer = open(&bench.post(request).await, response);
    assert_eq!(answer.status, 409);
    assert_eq!(answer.outer_length, first.body().len());
}

#[tokio::test]
async fn of_many_copies_at_once_one_gets_through() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let mut request = outer(request.clone());
        request.extensions_mut().insert(RelayIdentity("relay.example".into()));
        tasks.spawn(bench.gateway.clone().oneshot(request));
    }
    for answer in tasks.join_all().await {
        assert_eq!(answer.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(bench.dispatched(), 1);
    assert_eq!((bench.count(Outcome::Answered), bench.count(Outcome::Replayed)), (1, 49));
}

#[tokio::test]
async fn a_mark_that_was_given_back_is_seen() {
    let bench = Bench::new();
    let (request, _) = bench.encapsulate(&encode(&bench.message()));
    assert_shows_nothing(&bench.post(request.clone()).await);
    let mark = *bench.seen.lock().unwrap()[0].extensions().get::<ReplayMark>().unwrap();
    assert_eq!(mark.expires_ms, START_MS + 120_001);
    let expected = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &[&request[..1], &request[7..39]].concat());
    assert_eq!(mark.digest, expected.as_ref());

    // The keys survive a restart on disk; here another gateway takes them over.
    let seen = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&seen);
    let target = service_fn(move |_: Request<Bytes>| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, Infallible>(Response::new(Bytes::new())))
    });
    let restarted = Gateway::new(
        target,
        Target { authority: "follower.example".into(), routes: vec![(Method::POST, "/v1/key-package".into())] },
        |_: &Request<Bytes>| 0,
        Arc::clone(&bench.keyring),
        Policy::default(),
        Arc::clone(&bench.surroundings) as Arc<_>,
    );
    assert_eq!(restarted.replays().restore([mark], START_MS), 1);
    let answer = restarted.clone().oneshot(outer(request)).await.unwrap();
    assert_eq!((answer.status(), seen.load(Ordering::Relaxed)), (StatusCode::OK, 0));
    assert_eq!(restarted.counters().of(Outcome::Replayed), 1);
}

#[tokio::test]
async fn a_full_window_is_a_sealed_503() {
    let bench = Bench::with(Policy { replay_marks_max: 1, ..Policy::default() }, echo);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 200);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 503);
    assert_eq!((bench.count(Outcome::WindowFull), bench.dispatched()), (1, 1));
    bench.surroundings.pass(122_000);
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 200);
}

#[tokio::test]
async fn the_relay_is_told_to_the_target_and_to_nobody_else() {
    let bench = Bench::new();
    let mut request = outer(bench.encapsulate(&encode(&bench.message())).0);
    request.extensions_mut().insert(RelayIdentity("relay.example".into()));
    request.headers_mut().insert("x-tag", HeaderValue::from_static("client 7"));
    assert_shows_nothing(&bench.send(request).await);
    let seen = bench.seen.lock().unwrap();
    assert_eq!(seen[0].extensions().get::<RelayIdentity>(), Some(&RelayIdentity("relay.example".into())));
    // Tagging: nothing of the outer request's fields gets inside.
    let names: Vec<_> = seen[0].headers().keys().map(http::HeaderName::as_str).collect();
    assert_eq!(names, ["content-type", "date"]);
}

/// Size correlation: the relay sees the class of the question and nothing about the answer.
#[tokio::test]
async fn the_size_of_an_answer_says_what_was_asked_and_not_what_was_answered() {
    let bench = Bench::with(Policy::default(), |request| {
        let length: usize = request.headers()["x-length"].to_str().unwrap().parse().unwrap();
        let mut response = Response::new(Bytes::from(vec![1; length]));
        *response.status_mut() = if length == 7 { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        Box::pin(std::future::ready(Ok(response)))
    });
    // 16 bytes of nonce and 16 of tag around the class.
    for (path, class) in [("/v1/key-package", SMALLEST_CLASS), ("/v1/key-packages", 32 * 1024)] {
        let mut wrong_date = inner(path);
        wrong_date.put_header("date", "Sat, 21 Nov 2020 05:00:00 GMT");
        assert_eq!(bench.ask(&encode(&wrong_date)).await.outer_length, class + 32);
        for (length, status) in [(0, 200), (7, 401), (class - 500, 200), (class, 500), (2 * class, 500)] {
            let mut message = inner(path);
            message.put_header("date", bench.now().as_bytes());
            message.put_header("x-length", length.to_string().as_bytes());
            let answer = bench.ask(&encode(&message)).await;
            assert_eq!((answer.status, answer.outer_length), (status, class + 32), "{path} {length}");
        }
    }
    assert_eq!(bench.ask(b"junk").await.outer_length, SMALLEST_CLASS + 32);
    let mut elsewhere = inner("/elsewhere");
    elsewhere.put_header("date", bench.now().as_bytes());
    assert_eq!(bench.ask(&encode(&elsewhere)).await.outer_length, SMALLEST_CLASS + 32);
    assert_eq!(bench.count(Outcome::AnswerTooLarge), 4);
}

#[tokio::test(start_paused = true)]
async fn a_target_that_hangs_is_a_sealed_504() {
    let bench = Bench::with(Policy::default(), |_| Box::pin(std::future::pending()));
    let begun = tokio::time::Instant::now();
    assert_eq!(bench.ask(&encode(&bench.message())).await.status, 504);
    assert_eq!(begun.elapsed().as_secs(), Duration::from_secs(10).as_secs());
    assert_eq!(bench.count(Outcome::TargetTimeout), 1);
}

/// RFC 9458 §5: what the target says is not for the relay, whatever it is.
#[tokio::test]
async fn errors_of_the_target_are_sealed() {
    for status in [301, 400, 401, 404, 500, 503] {
        let bench = Bench::with(Policy::default(), move |_| {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response.headers_mut().insert(header::LOCATION, HeaderValue::from_static("https://elsewhere.example/"));
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            Box::pin(std::future::ready(Ok(response)))
        });
        let answer = bench.ask(&encode(&bench.message())).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("location"), Some("https://elsewhere.example/"));
        assert_eq!(answer.field("connection"), None);
    }
}
