//! The provider under measurement: local listener, gateway, and a path that does nothing, on one plain listener.

use std::{
    convert::Infallible,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    num::NonZeroU32,
    path::Path,
    rc::Rc,
    sync::Arc,
};

use axum::{
    body::Bytes,
    extract::State,
    routing::{get, post, post_service},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderValue, header::CONTENT_TYPE};
use http_body_util::Full;
use restante::{
    http::KeyPackageTarget,
    pool,
    service::{Service, UserId},
    wire::{
        BearerToken, BearerTokenKind, ClientId, KeyPackageRequests, MEDIA_TYPE, RevokeTokenRequest, TokenHandle,
        UploadKeyPackagesRequest, decode, encode,
    },
};
use restante_gateway::{
    Counters, Gateway, Keyring, Machine, Outcome, Policy as GatewayPolicy, Rate, ReplayMark, RotationSchedule,
    Target as Allowed, WELL_KNOWN,
};
use tower::ServiceExt;

use crate::{
    key_packages::Device,
    load::{Target, http_answer},
    sealed::{Prepared, bundle, encapsulate, gateway_request, now_s},
    server::{self, EMPTY, Server},
    written::{http_request, local_request},
};

pub(crate) const PROVIDER: &str = "follower.example";
/// The user who has a KeyPackage.
pub(crate) const USER: &str = "carol@follower.example";
/// Nobody, with a name as long.
pub(crate) const NOBODY: &str = "nobody@followe.example";
/// Somebody whose tokens were all revoked, with a name as long.
pub(crate) const FORMER: &str = "robin@follower.example";
/// Somebody whose KeyPackages were all given, with a name as long.
pub(crate) const EMPTIED: &str = "ellen@follower.example";
const FORMER_TOKENS: usize = 1000;
const SERVICE_TOKEN: &str = "a-token-that-only-this-measurement-knows";
/// Where the target of the gateway is asked without the gateway.
const PLAIN: &str = "/plain";
/// Where a gateway is that has nothing to do behind it.
const TRIVIAL: &str = "/trivial";
/// What a sealed answer has more than what is in it: the response nonce and the tag of AES-128-GCM (RFC 9458 §4.4).
const SEALED_OVERHEAD: usize = 16 + 16;
/// Requests for one row of fetches: more than are answered while it lasts.
const PREPARED: usize = 100_000;

/// Requests of all rows together: more than a gateway answers while their dates are good.
const MARKS_MAX: usize = 10_000_000;

/// How many users there are whom nobody asks for.
const OTHERS: usize = 200;

/// What the tokens are that are shown, in the order in which the server tells them.
pub(crate) struct Tokens {
    pub(crate) good: Vec<u8>,
    /// Revoked by itself.
    pub(crate) revoked: Vec<u8>,
    /// Revoked with those of all users.
    pub(crate) expired: Vec<u8>,
    /// Good, and limited.
    pub(crate) unique: Vec<u8>,
    /// One of many that [`FORMER`] had, all of them revoked together.
    pub(crate) former: Vec<u8>,
    /// Good, of [`EMPTIED`].
    pub(crate) emptied: Vec<u8>,
}

/// Two users with a last-resort KeyPackage each and tokens, among others.
async fn populate(service: &Service) -> [BearerToken; 6] {
    for number in 0..OTHERS {
        let user = UserId::new(format!("other-{number}@follower.example").into()).unwrap();
        service.mint_token(&user, BearerTokenKind::Unique).await.unwrap();
    }
    let user = UserId::new(USER.into()).unwrap();
    let expired = service.mint_token(&user, BearerTokenKind::Shared).await.unwrap();
    service.revoke_all_tokens().await.unwrap();
    upload(service, &user, Device::new(1).last_resort(now_s())).await;
    let good = service.mint_token(&user, BearerTokenKind::Shared).await.unwrap();
    let revoked = service.mint_token(&user, BearerTokenKind::Unique).await.unwrap();
    let handle = TokenHandle::of(&revoked.handle).unwrap();
    service.revoke_token(&user, &RevokeTokenRequest::Handle(handle)).await.unwrap();
    let unique = service.mint_token(&user, BearerTokenKind::Unique).await.unwrap();
    let former = revoke_many(service).await;
    let emptied = empty(service).await;
    [good, revoked, expired, unique, former, emptied]
}

/// A user whose only KeyPackage was given.
async fn empty(service: &Service) -> BearerToken {
    let user = UserId::new(EMPTIED.into()).unwrap();
    upload(service, &user, Device::new(1).one_time(now_s())).await;
    let token = service.mint_token(&user, BearerTokenKind::Shared).await.unwrap();
    let request = decode::<KeyPackageRequests>(&bundle(EMPTIED, &encode(&token).unwrap())).unwrap();
    let given = service.fetch_key_packages(&request.requests, None).await.unwrap();
    assert_eq!(given.results[0].key_packages.len(), 1);
    token
}

/// A user whose tokens were all revoked: of each the database holds that its row was removed. Gives one from the middle.
async fn revoke_many(service: &Service) -> BearerToken {
    let user = UserId::new(FORMER.into()).unwrap();
    upload(service, &user, Device::new(1).last_resort(now_s())).await;
    let mut minted = Vec::new();
    for _ in 0..FORMER_TOKENS {
        minted.push(service.mint_token(&user, BearerTokenKind::Unique).await.unwrap());
    }
    service.revoke_token(&user, &RevokeTokenRequest::User).await.unwrap();
    minted.swap_remove(FORMER_TOKENS / 2)
}

async fn upload(service: &Service, user: &UserId, key_package: Vec<u8>) {
    let key_packages = vec![decode(&key_package).unwrap()];
    let upload = UploadKeyPackagesRequest { client_id: ClientId::new([1; 16]), key_packages };
    service.upload_key_packages(user, upload).await.unwrap();
}

/// The server's process: tells the tokens, and serves.
pub(crate) fn serve(folder: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = server::store(&folder.join("data"), PROVIDER, 64);
        let service = server::service(store, PROVIDER, pool::Policy::default());
        let tokens = populate(&service).await.map(|token| STANDARD.encode(encode(&token).unwrap()));
        let keyring = keyring(folder);
        let marked: fn(http::Request<Bytes>) -> http::Request<Bytes> = |mut request| {
            if let Some(ReplayMark { digest, expires_ms }) = request.extensions_mut().remove::<ReplayMark>() {
                request.extensions_mut().insert(pool::ReplayMark { digest, expires_ms });
            }
            request
        };
        let gateway = gateway(KeyPackageTarget::new(service.clone()).map_request(marked), keyring.clone());
        let (trivial, trivial_counters) = gateway_that_is_asked_elsewhere(keyring);
        let counters = [gateway.counters(), trivial_counters];
        let router = server::router(service.clone(), SERVICE_TOKEN.to_owned())
            .route(PLAIN, post(plain_fetch).with_state(KeyPackageTarget::new(service)))
            .route(TRIVIAL, post_service(trivial))
            .route(
                "/unanswered",
                get(async move || {
                    let others =
                        Outcome::ALL.iter().filter(|outcome| !matches!(outcome, Outcome::Answered | Outcome::KeyList));
                    let of_both =
                        |outcome: &Outcome| counters.iter().map(|counters| counters.of(*outcome)).sum::<u64>();
                    others.map(of_both).sum::<u64>().to_string()
                }),
            )
            .fallback_service(gateway);
        server::serve(router, tokens.into()).await;
    });
}

/// What the gateway's target does, without the gateway: the bundle stands before zeros that make the request as long as
/// an encapsulated one, and zeros make the answer as long as a sealed one.
async fn plain_fetch(State(target): State<KeyPackageTarget>, body: Bytes) -> http::Response<Full<Bytes>> {
    let length = usize::from(u16::from_be_bytes([body[0], body[1]]));
    let mut request = http::Request::post("/v1/key-packages").body(body.slice(2..2 + length)).unwrap();
    request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    let answer_bytes = KeyPackageTarget::response_class(&request) + SEALED_OVERHEAD;
    let answer = target.oneshot(request).await.unwrap();
    let mut padded = Vec::with_capacity(answer_bytes);
    padded.extend_from_slice(answer.body());
    padded.resize(answer_bytes, 0);
    answer.map(|_| Full::from(padded))
}

/// The keys of all gateways here.
fn keyring(folder: &Path) -> Arc<Keyring> {
    let schedule = RotationSchedule { x_wing: false, ..RotationSchedule::default() };
    Arc::new(Keyring::open(&folder.join("keys"), &folder.join("seal-key"), schedule, &Machine).unwrap())
}

/// A gateway in front of something that answers at once, at a path that is not a gateway's, and what it counts.
fn gateway_that_is_asked_elsewhere(
    keyring: Arc<Keyring>,
) -> (
    impl tower::Service<axum::extract::Request, Response = http::Response<Full<Bytes>>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync,
    Arc<Counters>,
) {
    let target = tower::service_fn(async |_| Ok(http::Response::new(Bytes::new())));
    let gateway = gateway(target, keyring);
    let counters = gateway.counters();
    let elsewhere = gateway.map_request(|mut request: axum::extract::Request| {
        *request.uri_mut() = http::Uri::from_static(WELL_KNOWN);
        request
    });
    (elsewhere, counters)
}

/// As `restante serve` has it, with room for one relay that asks as fast as it can.
fn gateway<T>(target: T, keyring: Arc<Keyring>) -> Gateway<T>
where
    T: tower::Service<http::Request<Bytes>, Response = http::Response<Bytes>, Error = Infallible>,
{
    let allowed = Allowed { authority: PROVIDER.to_owned(), routes: KeyPackageTarget::routes() };
    let plenty = NonZeroU32::new(1_000_000).unwrap();
    let rate = Rate { per_second: plenty, burst: plenty };
    let policy = GatewayPolicy { others_together: rate, replay_marks_max: MARKS_MAX, ..GatewayPolicy::default() };
    Gateway::new(target, allowed, KeyPackageTarget::response_class, keyring, policy, Arc::new(Machine))
}

/// The running server.
pub(crate) struct Provider {
    pub(crate) server: Server,
    pub(crate) key_list: Vec<u8>,
    pub(crate) tokens: Tokens,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let mut server = Server::start(&[]);
        let mut token = || STANDARD.decode(server.line()).unwrap();
        let [good, revoked, expired, unique, former, emptied] = std::array::from_fn(|_| token());
        let tokens = Tokens { good, revoked, expired, unique, former, emptied };
        let key_list = ask(server.address, WELL_KNOWN);
        Self { server, key_list, tokens }
    }

    /// Every request was opened, let through and answered by the pool.
    pub(crate) fn expect_all_answered(&self) {
        let others = ask(self.server.address, "/unanswered");
        assert_eq!(others, b"0", "the gateway refused some of the requests");
    }

    /// Bodies as long as an encapsulated request, to a path that reads them and does nothing.
    pub(crate) fn empty_posts(&self) -> Target {
        let body = encapsulate(&self.key_list, &bundle(USER, &self.tokens.good)).0;
        let request = move |_, out: &mut Vec<u8>| http_request(PROVIDER, EMPTY, "", &body, out);
        Target { request: Rc::new(request), answer: http_answer }
    }

    /// The bundle to the local listener.
    pub(crate) fn fetches(&self) -> Target {
        let body = bundle(USER, &self.tokens.good);
        let path = "/v1/local/fetch-key-packages";
        let request = move |_, out: &mut Vec<u8>| local_request(SERVICE_TOKEN, path, &body, out);
        Target { request: Rc::new(request), answer: http_answer }
    }

    /// The bundle in clear, to what stands behind the gateway; request and answer as long as through it.
    pub(crate) fn padded_fetches(&self) -> Target {
        let bundle = bundle(USER, &self.tokens.good);
        let mut body = u16::try_from(bundle.len()).unwrap().to_be_bytes().to_vec();
        body.extend_from_slice(&bundle);
        body.resize(encapsulate(&self.key_list, &bundle).0.len(), 0);
        let request = move |_, out: &mut Vec<u8>| http_request(PROVIDER, PLAIN, "", &body, out);
        Target { request: Rc::new(request), answer: http_answer }
    }

    /// The bundle to the gateway.
    pub(crate) fn sealed_fetches(&self) -> Target {
        self.sealed(WELL_KNOWN, PREPARED)
    }

    /// The same to the gateway that has nothing to do behind it.
    pub(crate) fn sealed_nothings(&self) -> Target {
        self.sealed(TRIVIAL, 3 * PREPARED)
    }

    fn sealed(&self, path: &'static str, count: usize) -> Target {
        let prepared = Prepared::new(&self.key_list, &bundle(USER, &self.tokens.good), count);
        let request = move |_, out: &mut Vec<u8>| gateway_request(path, &prepared.next(), out);
        Target { request: Rc::new(request), answer: http_answer }
    }
}

/// The body of an answer.
fn ask(address: SocketAddr, path: &str) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {PROVIDER}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(head)
}
