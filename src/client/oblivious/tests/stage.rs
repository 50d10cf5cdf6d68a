//! A relay and a gateway on sockets, and a fetcher that knows the relay's address only.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use rustls::ServerConfig;
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use tokio_rustls::TlsAcceptor;

use super::{gateway::Gateway, pki::Authority};
use crate::{
    client::{
        http::Limits,
        oblivious::{Kems, KeyPackageFetcher, Relay, RelayToken, Surroundings, key_log},
    },
    wire::ServiceProviderId,
};

/// For whatever is not about deadlines: machines that run tests are slow at times.
const PATIENT: Duration = Duration::from_secs(20);

pub(super) type Answer = Response<Full<Bytes>>;

pub(super) fn follower() -> ServiceProviderId {
    "follower.example".parse().unwrap()
}

pub(super) fn answer(status: StatusCode, media_type: &str, body: impl Into<Bytes>) -> Answer {
    Response::builder().status(status).header("content-type", media_type).body(Full::new(body.into())).unwrap()
}

pub(super) fn key_list(list: Bytes) -> Answer {
    let mut answer = answer(StatusCode::OK, "application/ohttp-keys", list);
    answer.headers_mut().insert("cache-control", "max-age=3600".parse().unwrap());
    answer
}

/// A log of lists, each with its day and whether it was refused.
pub(super) fn key_log(lines: &[(&Bytes, u64, bool)]) -> Answer {
    let lines: Vec<_> = lines
        .iter()
        .map(|(list, day, is_refused)| (Sha256::digest(list).into(), day * 86_400_000, *is_refused))
        .collect();
    answer(StatusCode::OK, "application/jsonl", key_log::tests::write(&lines))
}

/// A request as it came to the relay.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) version: Version,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// What a relay writes by itself after the head of a `CONNECT`, and what then becomes of the connection.
#[derive(Clone)]
pub(super) struct RawTunnel {
    pub(super) answer: Vec<u8>,
    pub(super) then: Then,
}

#[derive(Clone, Copy)]
pub(super) enum Then {
    /// It leads to the gateway.
    Bridge,
    /// It ends.
    Cut,
    /// It ends after so many bytes from the gateway.
    CutAfter(u64),
    /// The last byte of the answer is repeated without end.
    Repeat,
    /// Nothing more comes.
    Stall,
}

type Forward = Box<dyn Fn(&Arrived) -> Answer + Send + Sync>;

/// What relay and gateway do.
pub(super) struct Script {
    /// What the gateway answers in the tunnel.
    pub(super) own: Mutex<Answer>,
    /// What the relay answers to a request for its copy.
    pub(super) copy: Mutex<Answer>,
    /// What the gateway answers before that, the last one first.
    pub(super) own_before: Mutex<Vec<Answer>>,
    /// What the relay answers before that.
    pub(super) copy_before: Mutex<Vec<Answer>>,
    /// What the relay answers to a request for its log.
    pub(super) log: Mutex<Answer>,
    /// What the relay answers to `CONNECT`; 200 opens a tunnel.
    pub(super) tunnel: Mutex<StatusCode>,
    /// What it answers instead, byte for byte.
    pub(super) raw_tunnel: Mutex<Option<RawTunnel>>,
    /// What the relay answers to an encapsulated request.
    pub(super) forward: Mutex<Forward>,
    /// All requests to the relay.
    pub(super) arrived: Mutex<Vec<Arrived>>,
    /// All requests to the gateway, through the tunnel.
    pub(super) asked: Mutex<Vec<Arrived>>,
    pub(super) connections: AtomicU32,
}

impl Script {
    /// Everybody honest.
    pub(super) fn honest(gateway: &Arc<Gateway>) -> Arc<Self> {
        let gateway = Arc::clone(gateway);
        let list = gateway.key_list();
        Arc::new(Self {
            own: Mutex::new(key_list(list.clone())),
            log: Mutex::new(key_log(&[(&list, 1, false)])),
            copy: Mutex::new(key_list(list)),
            own_before: Mutex::default(),
            copy_before: Mutex::default(),
            tunnel: Mutex::new(StatusCode::OK),
            raw_tunnel: Mutex::default(),
            forward: Mutex::new(Box::new(move |arrived| {
                answer(StatusCode::OK, "message/ohttp-res", gateway.serve(&arrived.body))
            })),
            arrived: Mutex::default(),
            asked: Mutex::default(),
            connections: AtomicU32::new(0),
        })
    }

    pub(super) fn on_forward(&self, forward: impl Fn(&Arrived) -> Answer + Send + Sync + 'static) {
        *self.forward.lock().unwrap() = Box::new(forward);
    }

    /// How many requests of a method came to the relay.
    pub(super) fn count(&self, method: &Method) -> usize {
        self.arrived.lock().unwrap().iter().filter(|arrived| arrived.method == method).count()
    }
}

/// The listeners; they end with the runtime of the test.
pub(super) struct Stage {
    pub(super) authority: Authority,
    relay: SocketAddr,
}

impl Stage {
    /// A relay `relay.test` in front of a gateway that calls itself `follower.example`.
    pub(super) async fn new(script: &Arc<Script>) -> Self {
        let authority = Authority::new();
        let gateway = authority.server("follower.example", &["http/1.1"]);
        Self::with_gateway(authority, gateway, script).await
    }

    /// The same with another certificate at the end of the tunnel.
    pub(super) async fn with_gateway(authority: Authority, gateway: ServerConfig, script: &Arc<Script>) -> Self {
        let asked = Arc::clone(script);
        let gateway = listen(gateway, move |stream| serve_gateway(stream, Arc::clone(&asked))).await;
        let relay = authority.server("relay.test", &["h2", "http/1.1"]);
        let script = Arc::clone(script);
        let relay = listen(relay, move |stream| {
            script.connections.fetch_add(1, Ordering::Relaxed);
            let raw = script.raw_tunnel.lock().unwrap().clone();
            let script = Arc::clone(&script);
            async move {
                // Clients speak HTTP/1.1 for tunnels only.
                match raw.filter(|_| stream.get_ref().1.alpn_protocol() != Some(b"h2")) {
                    Some(raw) => drop(serve_raw(stream, gateway, raw).await),
                    None => serve_relay(stream, gateway, script).await,
                }
            }
        })
        .await;
        Self { authority, relay }
    }

    pub(super) fn relay(&self) -> Relay {
        Relay {
            url: "https://relay.test".parse().unwrap(),
            address: Some(self.relay),
            token: RelayToken::new("relay-token").unwrap(),
            operators: vec!["hub.example".parse().unwrap()],
        }
    }

    pub(super) fn fetcher(&self) -> KeyPackageFetcher {
        self.fetcher_at(Kems::WithHybrid, now)
    }

    /// A fetcher with another clock.
    pub(super) fn fetcher_at(&self, kems: Kems, now: fn() -> SystemTime) -> KeyPackageFetcher {
        // No pause before a retry.
        self.build(kems, Surroundings { now: Arc::new(now), random: Arc::new(|| 0) })
    }

    /// A fetcher with another source of random numbers.
    pub(super) fn fetcher_with(&self, random: fn() -> u64) -> KeyPackageFetcher {
        self.build(Kems::WithHybrid, Surroundings { now: Arc::new(now), random: Arc::new(random) })
    }

    /// A fetcher that waits no longer than this for anything.
    pub(super) fn fetcher_within(&self, request: Duration) -> KeyPackageFetcher {
        let limits = Limits { connect: PATIENT, request, response_bytes: 0 };
        let surroundings = Surroundings { now: Arc::new(now), random: Arc::new(|| 0) };
        KeyPackageFetcher::new(self.relay(), &self.authority.roots(), Kems::WithHybrid, surroundings, limits)
            .with_second_look_after(Duration::ZERO)
    }

    fn build(&self, kems: Kems, surroundings: Surroundings) -> KeyPackageFetcher {
        let limits = Limits { connect: PATIENT, request: PATIENT, response_bytes: 0 };
        // No pause before a second look.
        KeyPackageFetcher::new(self.relay(), &self.authority.roots(), kems, surroundings, limits)
            .with_second_look_after(Duration::ZERO)
    }
}

fn next(before: &Mutex<Vec<Answer>>, then: &Mutex<Answer>) -> Answer {
    before.lock().unwrap().pop().unwrap_or_else(|| then.lock().unwrap().clone())
}

pub(super) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "KeyPackages of tests are made now")]
    SystemTime::now()
}

async fn listen<F, S>(tls: ServerConfig, serve: F) -> SocketAddr
where
    F: Fn(tokio_rustls::server::TlsStream<TcpStream>) -> S + Clone + Send + Sync + 'static,
    S: Future<Output = ()> + Send,
{
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            let (acceptor, serve) = (acceptor.clone(), serve.clone());
            tokio::spawn(async move {
                // A client that refuses the certificate is what some tests are about.
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve(stream).await;
                }
            });
        }
    });
    address
}

async fn read(request: Request<Incoming>) -> Arrived {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let uri = head.uri.to_string();
    Arrived { method: head.method, uri, version: head.version, headers: head.headers, body }
}

async fn serve_gateway(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, script: Arc<Script>) {
    let service = service_fn(move |request| {
        let script = Arc::clone(&script);
        async move {
            let arrived = read(request).await;
            script.asked.lock().unwrap().push(arrived);
            Ok::<_, Infallible>(next(&script.own_before, &script.own))
        }
    });
    drop(auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await);
}

async fn serve_relay(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    gateway: SocketAddr,
    script: Arc<Script>,
) {
    let service = service_fn(move |request| relay(request, gateway, Arc::clone(&script)));
    let server = auto::Builder::new(TokioExecutor::new());
    drop(server.serve_connection_with_upgrades(TokioIo::new(stream), service).await);
}

/// Answers one `CONNECT` without any HTTP of a library's.
async fn serve_raw(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    gateway: SocketAddr,
    raw: RawTunnel,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    assert!(head.starts_with(b"CONNECT "));
    client.write_all(&raw.answer).await?;
    client.flush().await?;
    match raw.then {
        Then::Bridge => {
            let mut upstream = TcpStream::connect(gateway).await?;
            drop(tokio::io::copy_bidirectional(&mut client, &mut upstream).await);
        }
        Then::Cut => {}
        Then::CutAfter(bytes) => {
            let (mut from, mut to) = TcpStream::connect(gateway).await?.into_split();
            let (mut reads, mut writes) = tokio::io::split(client);
            let upwards = tokio::io::copy(&mut reads, &mut to);
            let mut some = (&mut from).take(bytes);
            let downwards = async {
                tokio::io::copy(&mut some, &mut writes).await?;
                writes.shutdown().await
            };
            tokio::select! {
                _ = upwards => {}
                _ = downwards => {}
            }
        }
        Then::Repeat => {
            let last = raw.answer.last().copied().unwrap_or_default();
            // Until the client goes away.
            while client.write_all(&[last; 1024]).await.is_ok() {}
        }
        Then::Stall => drop(tokio::io::copy(&mut client, &mut tokio::io::sink()).await),
    }
    Ok(())
}

async fn relay(request: Request<Incoming>, gateway: SocketAddr, script: Arc<Script>) -> Result<Answer, Infallible> {
    if request.method() == Method::CONNECT {
        let (head, body) = request.into_parts();
        let uri = head.uri.to_string();
        let arrived = Arrived {
            method: Method::CONNECT,
            uri,
            version: head.version,
            headers: head.headers.clone(),
            body: Bytes::new(),
        };
        script.arrived.lock().unwrap().push(arrived);
        let status = *script.tunnel.lock().unwrap();
        if status == StatusCode::OK {
            let request = Request::from_parts(head, body);
            tokio::spawn(async move {
                let Ok(client) = hyper::upgrade::on(request).await else { return };
                let mut upstream = TcpStream::connect(gateway).await.unwrap();
                // Either side may end it.
                drop(tokio::io::copy_bidirectional(&mut TokioIo::new(client), &mut upstream).await);
            });
        }
        let mut answer = Response::new(Full::default());
        *answer.status_mut() = status;
        return Ok(answer);
    }
    let arrived = read(request).await;
    let answer = match arrived.method {
        Method::GET if arrived.uri.ends_with("/log") => script.log.lock().unwrap().clone(),
        Method::GET => next(&script.copy_before, &script.copy),
        _ => (script.forward.lock().unwrap())(&arrived),
    };
    script.arrived.lock().unwrap().push(arrived);
    Ok(answer)
}
