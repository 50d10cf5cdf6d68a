//! A gateway with a target that a test decides, and the `ohttp` and `bhttp` crates as its client.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use tempfile::TempDir;
use tower::{ServiceExt as _, service_fn};

use crate::{
    Kem, Keyring, Outcome, Policy, RotationSchedule, Target, binary,
    gateway::{Gateway, WELL_KNOWN},
    machine::Surroundings as _,
    tests::Scripted,
};

pub(super) type Answer = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Infallible>> + Send>>;
pub(super) type Handler = dyn Fn(Request<Bytes>) -> Answer + Send + Sync;
pub(super) type TargetService = tower::util::BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Infallible>;

pub(super) struct Bench {
    _folder: TempDir,
    pub(super) surroundings: Arc<Scripted>,
    pub(super) keyring: Arc<Keyring>,
    pub(super) gateway: Gateway<TargetService>,
    pub(super) seen: Arc<Mutex<Vec<Request<()>>>>,
}

pub(super) fn echo(request: Request<Bytes>) -> Answer {
    Box::pin(async move { Ok(Response::new(request.into_body())) })
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(Policy::default(), echo)
    }

    pub(super) fn with(policy: Policy, handler: impl Fn(Request<Bytes>) -> Answer + Send + Sync + 'static) -> Self {
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

    pub(super) async fn send<B>(&self, request: Request<B>) -> Response<Bytes>
    where
        B: Body<Data = Bytes> + Send + 'static,
    {
        let (parts, body) = self.gateway.clone().oneshot(request).await.unwrap().into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
    }

    pub(super) async fn post(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.send(outer(body)).await
    }

    /// A key configuration of the list.
    pub(super) fn config(&self, kem: Kem) -> Vec<u8> {
        let configs = ohttp::KeyConfig::decode_list(self.keyring.live().list()).unwrap();
        let configs = configs.iter().map(|config| config.encode().unwrap());
        configs.into_iter().find(|config| config[1..3] == kem.id().to_be_bytes()).unwrap()
    }

    pub(super) fn encapsulate(&self, message: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
        ohttp::ClientRequest::from_encoded_config(&self.config(Kem::X25519)).unwrap().encapsulate(message).unwrap()
    }

    /// Sends a message sealed; checks that the answer shows nothing; opens it.
    pub(super) async fn ask(&self, message: &[u8]) -> Inner {
        let (request, response) = self.encapsulate(message);
        let answer = self.post(request).await;
        open(&answer, response)
    }

    pub(super) fn now(&self) -> HeaderValue {
        binary::format_date(self.surroundings.now_ms())
    }

    pub(super) fn message(&self) -> bhttp::Message {
        let mut message = inner("/v1/key-package");
        message.put_header("date", self.now().as_bytes());
        message
    }

    pub(super) fn count(&self, outcome: Outcome) -> u64 {
        self.gateway.counters().of(outcome)
    }

    pub(super) fn dispatched(&self) -> usize {
        self.seen.lock().unwrap().len()
    }
}

pub(super) fn inner(path: &str) -> bhttp::Message {
    let mut message = bhttp::Message::request(b"POST".into(), b"https".into(), b"follower.example".into(), path.into());
    message.put_header("content-type", "application/octet-stream");
    message.write_content(b"question");
    message
}

pub(super) fn encode(message: &bhttp::Message) -> Vec<u8> {
    let mut encoded = Vec::new();
    message.write_bhttp(bhttp::Mode::KnownLength, &mut encoded).unwrap();
    encoded
}

pub(super) fn outer(body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    let mut request = Request::post(WELL_KNOWN).body(Full::new(body.into())).unwrap();
    request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("message/ohttp-req"));
    request
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) status: u16,
    pub(super) fields: Vec<(String, String)>,
    pub(super) content: Vec<u8>,
    /// Bytes of the sealed answer as the relay sees it.
    pub(super) outer_length: usize,
}

impl Inner {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn problem(&self) -> String {
        assert_eq!(self.field("content-type"), Some("application/problem+json"));
        String::from_utf8(self.content.clone()).unwrap()
    }
}

pub(super) fn assert_shows_nothing(answer: &Response<Bytes>) {
    assert_eq!(answer.status(), StatusCode::OK);
    let fields: Vec<_> = answer.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
    assert_eq!(fields, [("content-type", &b"message/ohttp-res"[..])]);
}

pub(super) fn open(answer: &Response<Bytes>, response: ohttp::ClientResponse) -> Inner {
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

pub(super) fn assert_problem(answer: &Response<Bytes>, status: u16, kind: &str) {
    assert_eq!(answer.status().as_u16(), status);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], "application/problem+json");
    assert_eq!(answer.headers()[header::CACHE_CONTROL], "no-store");
    let body = std::str::from_utf8(answer.body()).unwrap();
    assert!(body.contains(&format!(r#""type":"{kind}""#)) && body.contains(&format!(r#""status":{status}"#)), "{body}");
}
