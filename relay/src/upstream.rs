//! Requests to one gateway, over connections that all users share.
//!
//! # Privacy
//! A connection of one user's own would tell the gateway which requests belong together. With HTTP/2 there is one
//! connection for everybody; with HTTP/1.1 a request takes any connection that is idle.
//!
//! # Correctness
//! A request is given to one connection, once. Nothing is sent again, whatever happens (RFC 9458 §6.5), and redirects
//! are answers like others. Waiting is bounded by the connect time, and by whoever calls for the whole exchange.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, task::JoinSet, time::Instant};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    counters::{Counters, Dial},
    gateway::{Gateway, TlsError},
    resolver::{GatewayName, Resolver},
    shared_link::{Exchange, SharedLink},
};

/// Dead connections are found out by pings, also while nothing is asked.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// What a gateway's header fields may take. They are all dropped.
const HEADER_BYTES_MAX: u32 = 16 * 1024;
/// The smallest buffer that hyper allows is 8 KiB.
const HTTP1_BUFFER_BYTES: usize = 32 * 1024;
/// Idle HTTP/1.1 connections that are kept.
const IDLE_MAX: usize = 32;
/// How long they are kept: less than the ten seconds after which listeners like our own give up on a connection that asks
/// nothing. A request that meets such an end is lost, as nothing is sent twice.
const IDLE_TIME: Duration = Duration::from_secs(8);

/// A request had no response. Closed: nothing of what the gateway or the system said is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpstreamError {
    /// No connection, or it broke.
    Failed,
    /// No connection in time.
    Timeout,
}

/// How long things with a gateway may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// A connection, TLS included.
    pub(crate) connect: Duration,
    /// From the first byte of a request to the last one of its response, connection included.
    pub(crate) exchange: Duration,
}

/// The way to one gateway.
pub(crate) struct Upstream {
    name: GatewayName,
    gateway: Gateway,
    /// What was in its files when `tls` was made of them.
    files_sha256: Option<[u8; 32]>,
    tls: TlsConnector,
    times: Times,
    counters: Arc<Counters>,
    /// Held while dialling: whoever comes meanwhile waits for that connection instead of making another one.
    link: tokio::sync::Mutex<Link>,
    idle: Mutex<Vec<Idle>>,
    /// What drives connections; they end with this.
    connections: Mutex<JoinSet<()>>,
}

#[derive(Default)]
struct Link {
    state: LinkState,
    /// When the last attempt to dial failed, and how.
    failed: Option<(Instant, UpstreamError)>,
}

#[derive(Default)]
enum LinkState {
    #[default]
    Unknown,
    Http2(SharedLink),
    Http1,
}

struct Idle {
    sender: http1::SendRequest<Full<Bytes>>,
    since: Instant,
}

enum Sender {
    Http2(SharedLink),
    Http1(http1::SendRequest<Full<Bytes>>),
}

impl Upstream {
    pub(crate) fn new(
        gateway: Gateway,
        resolver: Resolver,
        times: Times,
        counters: Arc<Counters>,
    ) -> Result<Self, TlsError> {
        Ok(Self {
            // Before TLS: files that change in between are found out at the next reload.
            files_sha256: gateway.files_sha256(),
            tls: gateway.tls()?.into(),
            name: GatewayName::new(gateway.url.host(), gateway.url.port(), resolver),
            gateway,
            times,
            counters,
            link: tokio::sync::Mutex::default(),
            idle: Mutex::default(),
            connections: Mutex::default(),
        })
    }

    /// Whether a new one for this gateway would do nothing else: its connections can stay. Reads files.
    pub(crate) fn is_to(&self, gateway: &Gateway) -> bool {
        self.gateway == *gateway && self.files_sha256.is_some() && self.files_sha256 == gateway.files_sha256()
    }

    /// Sends a request and waits for the head of the response. `request` names no version and no host: it gets those
    /// of the connection. The caller gives up at `deadline`.
    pub(crate) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<(Response<Incoming>, Lease<'_>), UpstreamError> {
        match self.sender().await? {
            Sender::Http2(mut link) => {
                let (response, exchange) = link.send(request, deadline).await.map_err(|_| UpstreamError::Failed)?;
                Ok((response, Lease { upstream: self, sender: None, _exchange: Some(exchange) }))
            }
            Sender::Http1(mut sender) => {
                let response = sender.send_request(in_origin_form(request)).await.map_err(|_| UpstreamError::Failed)?;
                Ok((response, Lease { upstream: self, sender: Some(sender), _exchange: None }))
            }
        }
    }

    /// A connection that takes a request. Choosing among them is no retry: nothing has been sent yet.
    async fn sender(&self) -> Result<Sender, UpstreamError> {
        let began = Instant::now();
        let mut link = self.link.lock().await;
        match &mut link.state {
            LinkState::Http2(shared) => {
                if shared.is_usable().await {
                    return Ok(Sender::Http2(shared.clone()));
                }
            }
            LinkState::Http1 => {
                drop(link);
                while let Some(mut sender) = self.take_idle() {
                    if sender.ready().await.is_ok() {
                        return Ok(Sender::Http1(sender));
                    }
                }
                // Each request in flight has one of its own.
                let dialled = self.dial().await;
                if let Ok(Sender::Http2(sender)) = &dialled {
                    // The gateway has learned it: from now on everybody uses this one.
                    self.link.lock().await.state = LinkState::Http2(sender.clone());
                }
                return dialled;
            }
            LinkState::Unknown => {}
        }
        // Who has waited for somebody else's attempt shares its failure, instead of queueing for the next one.
        if let Some((when, error)) = link.failed
            && when >= began
        {
            return Err(error);
        }
        let dialled = self.dial().await;
        match &dialled {
            Ok(Sender::Http2(sender)) => *link = Link { state: LinkState::Http2(sender.clone()), failed: None },
            Ok(Sender::Http1(_)) => *link = Link { state: LinkState::Http1, failed: None },
            Err(error) => link.failed = Some((Instant::now(), *error)),
        }
        dialled
    }

    async fn dial(&self) -> Result<Sender, UpstreamError> {
        let dialling = async { self.handshake(self.connect_tls().await.map_err(drop)?).await.map_err(drop) };
        let dialled = match tokio::time::timeout(self.times.connect, dialling).await {
            Ok(Ok(sender)) => Ok(sender),
            Ok(Err(())) => Err(UpstreamError::Failed),
            Err(_) => Err(UpstreamError::Timeout),
        };
        self.counters.dials.add(if dialled.is_ok() { Dial::Connected } else { Dial::Failed });
        dialled
    }

    async fn connect_tls(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = self.connect_tcp().await?;
        self.tls.connect(self.gateway.server_name(), stream).await
    }

    /// A connection without TLS, for tunnels. Unless the operator said where, it is to a public address of the name.
    pub(crate) async fn connect_tcp(&self) -> std::io::Result<TcpStream> {
        let stream = match self.gateway.address {
            Some(address) => TcpStream::connect(address).await?,
            None => {
                let addresses = self.name.public_addresses().await?;
                // Without any it fails.
                TcpStream::connect(&addresses[..]).await?
            }
        };
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    async fn handshake(&self, stream: TlsStream<TcpStream>) -> Result<Sender, hyper::Error> {
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let stream = TokioIo::new(stream);
        if is_http2 {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .keep_alive_interval(PING_INTERVAL)
                .keep_alive_timeout(PING_TIMEOUT)
                .keep_alive_while_idle(true)
                .max_header_list_size(HEADER_BYTES_MAX)
                .handshake(stream)
                .await?;
            let (mut link, connection) = SharedLink::new(sender, connection, self.times.exchange);
            self.drive(connection);
            link.ready().await?;
            Ok(Sender::Http2(link))
        } else {
            let (mut sender, connection) =
                http1::Builder::new().max_buf_size(HTTP1_BUFFER_BYTES).handshake(stream).await?;
            self.drive(connection);
            sender.ready().await?;
            Ok(Sender::Http1(sender))
        }
    }

    /// Runs a connection until it ends. How it ends is seen by those whose requests were on it.
    fn drive(&self, connection: impl Future<Output = Result<(), hyper::Error>> + Send + 'static) {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        connections.spawn(async move { drop(connection.await) });
    }

    fn take_idle(&self) -> Option<http1::SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < IDLE_TIME);
        idle.pop().map(|idle| idle.sender)
    }
}

/// The connection that a response still comes over, of HTTP/1.1 for this response alone. [`Lease::give_back`] when the response was read.
pub(crate) struct Lease<'a> {
    upstream: &'a Upstream,
    sender: Option<http1::SendRequest<Full<Bytes>>>,
    _exchange: Option<Exchange>,
}

impl Lease<'_> {
    /// Lets the next request use the connection. A lease that is dropped instead closes it.
    pub(crate) fn give_back(self) {
        let Some(sender) = self.sender else { return };
        let mut idle = self.upstream.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX && !sender.is_closed() {
            idle.push(Idle { sender, since: Instant::now() });
        }
    }
}

/// HTTP/1.1 has the host in a field and the path alone in the request line. The field comes first, so that requests look
/// the same whatever else they carry.
fn in_origin_form(request: Request<Full<Bytes>>) -> Request<Full<Bytes>> {
    let (mut head, body) = request.into_parts();
    let host = head.uri.authority().and_then(|authority| http::HeaderValue::from_str(authority.as_str()).ok());
    let mut headers = http::HeaderMap::with_capacity(head.headers.len() + 1);
    headers.extend(host.map(|host| (http::header::HOST, host)));
    headers.extend(head.headers);
    head.headers = headers;
    head.uri = head.uri.path().parse().unwrap_or_default();
    Request::from_parts(head, body)
}
