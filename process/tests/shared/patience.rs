//! What every listener of every program bears with, and for how long. The tests of each program include this file and
//! name the listeners of a process that runs with [`LIMITS`] and logs at `debug`.
//!
//! The clock is the machine's. A connection has to be ended at its own limit or later, and before the next limit could
//! be meant.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

/// Lines of `[limits]`. All other limits of a connection are 10 seconds at least.
pub(crate) const LIMITS: &str =
    "header_read_timeout_seconds = 1\nresponse_timeout_seconds = 3\nidle_timeout_seconds = 6\n";
const HEADER: Duration = Duration::from_secs(1);
const RESPONSE: Duration = Duration::from_secs(3);
const IDLE: Duration = Duration::from_secs(6);
/// How much later than its limit a connection may end: less than it is to the next limit.
const LATE: Duration = Duration::from_millis(1900);

/// Longer than all limits together.
const NEVER: Duration = Duration::from_secs(20);

/// A window with no room: nothing of an answer's content can be sent.
const CLOSED: u32 = 0;
const OPEN: u32 = 65_535;

/// A listener, and a request that it answers with content.
#[derive(Clone)]
pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    /// What its clients believe and show, and whom they expect.
    pub(crate) tls: Option<(Arc<ClientConfig>, &'static str)>,
    pub(crate) method: Method,
    pub(crate) path: &'static str,
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

type Sender = http2::SendRequest<Empty<Bytes>>;

/// What a client does with its connection.
#[derive(Clone, Copy, Debug)]
enum Way {
    /// Says nothing, not even TLS.
    Silent,
    /// Begins a head of HTTP/1.1.
    HalfAHead,
    /// Begins HTTP/2.
    HalfAPreface,
    /// Answers pings and asks something, and has no room for the answer.
    NoRoom,
    /// Asks once, and answers pings.
    AskOnce,
}

impl Way {
    const ALL: [Self; 5] = [Self::Silent, Self::HalfAHead, Self::HalfAPreface, Self::NoRoom, Self::AskOnce];

    fn limit(self) -> Duration {
        match self {
            Self::Silent | Self::HalfAHead | Self::HalfAPreface => HEADER,
            Self::NoRoom => RESPONSE,
            Self::AskOnce => IDLE,
        }
    }
}

/// Words of the log: one of the connections was ended for this.
const REASONS: [&str; 2] = ["an answer was not taken up", "idle"];

/// What the process has logged says why connections of so many listeners were ended.
pub(crate) fn assert_reasons(logged: &str, listeners: usize) {
    for reason in REASONS {
        let count = logged.matches(&format!("\"reason\":\"{reason}\"")).count();
        assert_eq!(count, listeners, "{reason}: {logged}");
    }
}

/// Each of these listeners ends connections at the limit that they overstep, and serves another one all the while.
pub(crate) async fn are_patient_within_limits(listeners: &[(&'static str, Listener)]) {
    let mut ends = JoinSet::new();
    let mut neighbours = Vec::new();
    let mut drivers = JoinSet::new();
    for (name, listener) in listeners {
        let (sender, connection) = listener.dial(OPEN).await;
        drivers.spawn(connection);
        neighbours.push((name, listener, sender));
        for way in Way::ALL {
            let (name, listener) = (*name, listener.clone());
            ends.spawn(async move { (name, way, timeout(NEVER, listener.end(way)).await.unwrap_or(NEVER)) });
        }
    }
    while !ends.is_empty() {
        tokio::select! {
            Some(end) = ends.join_next() => {
                let (name, way, took) = end.unwrap();
                let expected = way.limit()..way.limit() + LATE;
                assert!(expected.contains(&took), "[{name}] {way:?}: ended after {took:?} and not {expected:?}");
            }
            () = tokio::time::sleep(HEADER / 2) => {}
        }
        for (name, listener, sender) in &mut neighbours {
            let answer = listener.ask(sender).await;
            let content = answer.into_body().collect().await.unwrap().to_bytes();
            assert!(!content.is_empty(), "[{name}]");
        }
    }
}

impl Listener {
    pub(crate) async fn stream(&self, alpn: &[u8]) -> Box<dyn Stream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let Some((config, name)) = &self.tls else { return Box::new(stream) };
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(*name).unwrap();
        Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }

    /// HTTP/2, and the connection's end: whether it was announced.
    async fn dial(&self, window: u32) -> (Sender, impl Future<Output = bool> + Send + 'static) {
        let stream = TokioIo::new(self.stream(b"h2").await);
        let mut builder = http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.initial_stream_window_size(window).handshake(stream).await.unwrap();
        (sender, async { connection.await.is_ok() })
    }

    async fn ask(&self, sender: &mut Sender) -> Response<Incoming> {
        let uri = format!("https://{}{}", self.tls.as_ref().map_or("localhost", |(_, name)| name), self.path);
        let request = Request::builder().method(self.method.clone()).uri(uri).body(Empty::new()).unwrap();
        sender.send_request(request).await.unwrap()
    }

    /// How long the listener bears with a client that goes this way.
    async fn end(&self, way: Way) -> Duration {
        let began = Instant::now();
        match way {
            Way::Silent => end_of(&mut TcpStream::connect(self.address).await.unwrap(), b"").await,
            Way::HalfAHead => end_of(&mut self.stream(b"http/1.1").await, b"GET / HTTP/1.1\r\nhost:").await,
            Way::HalfAPreface => end_of(&mut self.stream(b"h2").await, b"PRI * HTTP/2.0\r\n").await,
            Way::NoRoom => {
                let (mut sender, connection) = self.dial(CLOSED).await;
                let driver = tokio::spawn(connection);
                let _answer = self.ask(&mut sender).await;
                driver.await.unwrap();
            }
            Way::AskOnce => {
                let (mut sender, connection) = self.dial(OPEN).await;
                let driver = tokio::spawn(connection);
                self.ask(&mut sender).await.into_body().collect().await.unwrap();
                assert!(driver.await.unwrap(), "the end is announced");
            }
        }
        began.elapsed()
    }
}

/// Sends this and waits for the end, which may be abrupt.
async fn end_of(stream: &mut (impl AsyncRead + AsyncWrite + Unpin + ?Sized), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    let _ = stream.read_to_end(&mut Vec::new()).await;
}
