//! A gateway that the test plays: HTTP over TLS, and an account of all that arrived.
//!
//! It opens nothing: to the relay, what it answers is as good as sealed.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
};

use bytes::Bytes;
use http::{Method, Request, Response, request::Parts};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};
use tokio_rustls::TlsAcceptor;

use crate::{pki::Pki, process::PATIENCE};

pub(crate) const FOLLOWER: &str = "follower.example";

/// What the gateway does about a request.
pub(crate) enum Reaction {
    Answer(Response<Full<Bytes>>),
    /// When the test says so.
    Later(watch::Receiver<bool>, Response<Full<Bytes>>),
    /// Nothing, for ever.
    Hang,
    /// Closes the connection.
    Close,
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) head: Arc<Parts>,
    pub(crate) content: Bytes,
    /// Which of the accepted connections it came over.
    pub(crate) connection: usize,
    /// Who the network says it is from.
    pub(crate) peer: SocketAddr,
    pub(crate) has_certificate: bool,
    pub(crate) has_trailers: bool,
}

type React = dyn Fn(&Arrival) -> Reaction + Send + Sync;

struct Shared {
    connections: AtomicUsize,
    /// So many of the first connections are granted no streams.
    streamless: AtomicUsize,
    /// Connections that are open now.
    open: watch::Sender<usize>,
    /// How often all connections were broken.
    broken: watch::Sender<usize>,
    arrivals: watch::Sender<Vec<Arrival>>,
    /// Requests that were taken back before they were answered.
    abandoned: AtomicUsize,
    react: Mutex<Arc<React>>,
    keys: Mutex<Arc<React>>,
}

/// The gateway; it ends with this.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// A list with one X25519 configuration.
pub(crate) fn key_list(seed: u8) -> Vec<u8> {
    [&[0, 41, seed, 0, 0x20][..], &[seed; 32], &[0, 4, 0, 1, 0, 1]].concat()
}

pub(crate) fn answer(status: u16, media_type: &str, content: impl Into<Bytes>) -> Response<Full<Bytes>> {
    Response::builder().status(status).header("content-type", media_type).body(Full::new(content.into())).unwrap()
}

/// An answer with a list.
pub(crate) fn keys_answer(list: Vec<u8>) -> Reaction {
    Reaction::Answer(answer(200, "application/ohttp-keys", list))
}

impl Gateway {
    /// Speaks the protocols in `alpn`, answers requests with `res:` and their content, and has a key list.
    pub(crate) async fn start(pki: &Pki, alpn: &[&[u8]]) -> Self {
        Self::named(pki, FOLLOWER, alpn).await
    }

    pub(crate) async fn named(pki: &Pki, name: &str, alpn: &[&[u8]]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(pki.server(name, alpn));
        let echo: Arc<React> = Arc::new(|arrival| {
            Reaction::Answer(answer(200, "message/ohttp-res", [b"res:", &arrival.content[..]].concat()))
        });
        let keys: Arc<React> = Arc::new(|_| keys_answer(key_list(1)));
        let shared = Arc::new(Shared {
            connections: AtomicUsize::new(0),
            streamless: AtomicUsize::new(0),
            open: watch::Sender::new(0),
            broken: watch::Sender::new(0),
            arrivals: watch::Sender::new(Vec::new()),
            abandoned: AtomicUsize::new(0),
            react: Mutex::new(echo),
            keys: Mutex::new(keys),
        });
        let task = tokio::spawn(accept(listener, acceptor, shared.clone()));
        Self { address, shared, task }
    }

    /// From now on requests are answered so.
    pub(crate) fn react(&self, react: impl Fn(&Arrival) -> Reaction + Send + Sync + 'static) {
        *self.shared.react.lock().unwrap() = Arc::new(react);
    }

    /// The first connections over HTTP/2, so many, answer pings and grant no streams.
    pub(crate) fn grant_no_streams_to(&self, connections: usize) {
        self.shared.streamless.store(connections, SeqCst);
    }

    /// From now on the key list is asked for with this outcome.
    pub(crate) fn give_keys(&self, keys: impl Fn(&Arrival) -> Reaction + Send + Sync + 'static) {
        *self.shared.keys.lock().unwrap() = Arc::new(keys);
    }

    /// Requests that were to be relayed, without those for key lists.
    pub(crate) fn posts(&self) -> Vec<Arrival> {
        self.shared.arrivals.borrow().iter().filter(|arrival| arrival.head.method == Method::POST).cloned().collect()
    }

    /// Where all requests so far came from, of either kind.
    pub(crate) fn peers(&self, method: &Method) -> Vec<IpAddr> {
        let arrivals = self.shared.arrivals.borrow();
        arrivals.iter().filter(|arrival| arrival.head.method == method).map(|arrival| arrival.peer.ip()).collect()
    }

    /// Requests whose streams or connections were ended before their answers.
    pub(crate) fn abandoned(&self) -> usize {
        self.shared.abandoned.load(SeqCst)
    }

    /// Waits until so many requests have arrived, of either kind.
    pub(crate) async fn has_arrivals(&self, method: &Method, count: usize) {
        let mut arrivals = self.shared.arrivals.subscribe();
        let enough = |all: &Vec<Arrival>| all.iter().filter(|arrival| arrival.head.method == method).count() >= count;
        tokio::time::timeout(PATIENCE, arrivals.wait_for(enough)).await.expect("they arrive").unwrap();
    }

    /// Closes all connections in the middle of whatever they do; others may come. Returns when they are closed.
    pub(crate) async fn break_connections(&self) {
        self.shared.broken.send_modify(|times| *times += 1);
        let mut open = self.shared.open.subscribe();
        tokio::time::timeout(PATIENCE, open.wait_for(|open| *open == 0)).await.expect("they close").unwrap();
    }

    /// Connections that got through TLS so far.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(SeqCst)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    loop {
        let (stream, peer) = listener.accept().await.unwrap();
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let has_certificate = stream.get_ref().1.peer_certificates().is_some();
            let connection = shared.connections.fetch_add(1, SeqCst);
            let come = Come { connection, peer, has_certificate };
            shared.open.send_modify(|open| *open += 1);
            let mut broken = shared.broken.subscribe();
            let serving = shared.clone();
            let service = hyper::service::service_fn(move |request| {
                let shared = serving.clone();
                async move { respond(&shared, request, come).await }
            });
            let mut builder = auto::Builder::new(TokioExecutor::new());
            if connection < shared.streamless.load(SeqCst) {
                builder.http2().max_concurrent_streams(0);
            }
            tokio::select! {
                // A reaction that closes ends it with an error.
                _ = builder.serve_connection(TokioIo::new(stream), service) => {}
                _ = broken.changed() => {}
            }
            shared.open.send_modify(|open| *open -= 1);
        });
    }
}

#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("closed")
    }
}

impl std::error::Error for Closed {}

/// How a request has come.
#[derive(Clone, Copy)]
struct Come {
    connection: usize,
    peer: SocketAddr,
    has_certificate: bool,
}

/// Counts a request that is dropped where it waits.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

async fn respond(
    shared: &Shared,
    request: Request<Incoming>,
    Come { connection, peer, has_certificate }: Come,
) -> Result<Response<Full<Bytes>>, Closed> {
    let (head, body) = request.into_parts();
    let content = body.collect().await.map_err(|_| Closed)?;
    let has_trailers = content.trailers().is_some();
    let arrival =
        Arrival { head: Arc::new(head), content: content.to_bytes(), connection, peer, has_certificate, has_trailers };
    let react = if arrival.head.method == Method::POST { &shared.react } else { &shared.keys };
    let react = react.lock().unwrap().clone();
    shared.arrivals.send_modify(|arrivals| arrivals.push(arrival.clone()));
    match react(&arrival) {
        Reaction::Answer(response) => Ok(response),
        Reaction::Later(mut when, response) => {
            let waiting = Waiting(&shared.abandoned);
            when.wait_for(|now| *now).await.map_err(|_| Closed)?;
            std::mem::forget(waiting);
            Ok(response)
        }
        Reaction::Hang => std::future::pending::<Result<_, Infallible>>().await.map_err(|never| match never {}),
        Reaction::Close => Err(Closed),
    }
}
