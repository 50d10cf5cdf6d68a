//! A client of the relay, with whatever it likes to say.

use std::{
    collections::VecDeque,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full, combinators::BoxBody};
use hyper::{
    body::{Frame, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::process::PATIENCE;

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// One connection.
pub(crate) enum Client {
    Http1(http1::SendRequest<Body>),
    Http2(http2::SendRequest<Body>),
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) fields: HeaderMap,
    pub(crate) content: Bytes,
}

impl Answer {
    /// The last part of the type of a problem document.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(self.fields["content-type"], "application/problem+json", "{self:?}");
        let document: serde_json::Value = serde_json::from_slice(&self.content).unwrap();
        assert_eq!(document["status"], self.status, "{document}");
        document["type"].as_str().unwrap().rsplit([':', '#']).next().unwrap().to_owned()
    }

    /// The names of all fields but `Date`, which every server adds.
    pub(crate) fn field_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.fields.keys().map(|name| name.as_str()).filter(|name| *name != "date").collect();
        names.sort_unstable();
        names
    }
}

pub(crate) fn full(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}

/// A connection under TLS.
pub(crate) async fn tls(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    tls_over(TcpStream::connect(address).await.unwrap(), name, config).await
}

async fn tls_over(stream: TcpStream, name: &str, config: Arc<ClientConfig>) -> TlsStream<TcpStream> {
    stream.set_nodelay(true).unwrap();
    TlsConnector::from(config).connect(ServerName::try_from(name.to_owned()).unwrap(), stream).await.unwrap()
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Self {
        Self::over(tls(address, name, config).await).await
    }

    /// From this address of the machine.
    pub(crate) async fn connect_from(from: IpAddr, address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((from, 0).into()).unwrap();
        let stream = socket.connect(address).await.unwrap();
        Self::over(tls_over(stream, name, config).await).await
    }

    async fn over(stream: TlsStream<TcpStream>) -> Self {
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            Self::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection.with_upgrades());
            Self::Http1(sender)
        }
    }

    /// Without TLS.
    pub(crate) async fn plain(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self::Http1(sender)
    }

    /// Sends a request; the response is still to be read.
    pub(crate) async fn send(&mut self, mut request: Request<Body>) -> Response<Incoming> {
        let answering = async {
            match self {
                Self::Http1(sender) => {
                    sender.ready().await.unwrap();
                    if !request.headers().contains_key("host") {
                        request.headers_mut().insert("host", "relay.hub.example".parse().unwrap());
                    }
                    sender.send_request(request).await.unwrap()
                }
                Self::Http2(sender) => {
                    sender.ready().await.unwrap();
                    if request.uri().authority().is_none() {
                        let uri = format!("https://relay.hub.example{}", request.uri());
                        *request.uri_mut() = uri.parse().unwrap();
                    }
                    sender.send_request(request).await.unwrap()
                }
            }
        };
        tokio::time::timeout(PATIENCE, answering).await.expect("an answer in time")
    }

    pub(crate) async fn ask(&mut self, request: Request<Body>) -> Answer {
        let (head, body) = self.send(request).await.into_parts();
        let content = tokio::time::timeout(PATIENCE, body.collect()).await.expect("an end in time").unwrap().to_bytes();
        Answer { status: head.status.as_u16(), fields: head.headers, content }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Request::builder().uri(path).body(full("")).unwrap()).await
    }

    /// An encapsulated request, as a well-behaved client sends it.
    pub(crate) async fn post(&mut self, token: &str, content: impl Into<Bytes>) -> Answer {
        self.ask(encapsulated(token, content)).await
    }
}

pub(crate) fn encapsulated(token: &str, content: impl Into<Bytes>) -> Request<Body> {
    Request::post("/v1/relay/follower.example")
        .header("content-type", "message/ohttp-req")
        .header("proxy-authorization", format!("Bearer {token}"))
        .body(full(content))
        .unwrap()
}

/// A body of these frames, which then ends, or never does.
pub(crate) struct Frames {
    frames: VecDeque<Frame<Bytes>>,
    ends: bool,
}

impl Frames {
    pub(crate) fn ending(frames: impl IntoIterator<Item = Frame<Bytes>>) -> Body {
        Self { frames: frames.into_iter().collect(), ends: true }.boxed()
    }

    pub(crate) fn hanging(frames: impl IntoIterator<Item = Frame<Bytes>>) -> Body {
        Self { frames: frames.into_iter().collect(), ends: false }.boxed()
    }
}

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        match self.frames.pop_front() {
            Some(frame) => Poll::Ready(Some(Ok(frame))),
            None if self.ends => Poll::Ready(None),
            None => Poll::Pending,
        }
    }
}
