//! The other end of a connection: bytes, or requests of either protocol.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{
    body::Incoming,
    client::conn::{self, http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::pki::SERVER;

/// The first bytes of HTTP/2 (RFC 9113, §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// What a client over HTTP/2 lets come before it reads.
pub(crate) const WINDOW: u32 = 16 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

pub(crate) async fn connect(address: SocketAddr) -> TcpStream {
    TcpStream::connect(address).await.unwrap()
}

pub(crate) async fn connect_tls(address: SocketAddr, tls: ClientConfig) -> io::Result<TlsStream<TcpStream>> {
    TlsConnector::from(Arc::new(tls)).connect(SERVER.try_into().unwrap(), connect(address).await).await
}

/// What is still sent before the end; an abrupt end is an end as well.
pub(crate) async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    bytes
}

/// Sends one request, and keeps the connection until the answer was used.
pub(crate) async fn ask(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    protocol: Protocol,
    request: Request<Empty<Bytes>>,
) -> hyper::Result<Response<Incoming>> {
    match protocol {
        Protocol::Http1 => {
            let (mut sender, connection) = conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection.with_upgrades());
            sender.send_request(request).await
        }
        Protocol::Http2 => {
            let (mut sender, connection) = conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender.send_request(request).await
        }
    }
}

/// The name by which the service knows whoever holds this connection.
pub(crate) async fn name_on(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> hyper::Result<String> {
    let request = Request::get(format!("http://{SERVER}/")).body(Empty::new()).unwrap();
    let answer = ask(stream, Protocol::Http1, request).await?;
    let body = answer.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(body.to_vec()).unwrap())
}

/// A connection on which requests can be sent one after the other.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Empty<Bytes>>),
    Http2(http2::SendRequest<Empty<Bytes>>),
}

/// The tasks of a client's connections, which end with this.
#[derive(Default)]
pub(crate) struct Client(JoinSet<()>);

impl Client {
    /// Over HTTP/2, `window` is what the server may send of each answer before the client reads.
    pub(crate) async fn dial(&mut self, stream: impl Stream, protocol: Protocol, window: u32) -> Sender {
        let stream = TokioIo::new(stream);
        match protocol {
            Protocol::Http1 => {
                let (sender, connection) = http1::handshake(stream).await.unwrap();
                self.0.spawn(async { drop(connection.await) });
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let mut builder = http2::Builder::new(TokioExecutor::new());
                let (sender, connection) = builder.initial_stream_window_size(window).handshake(stream).await.unwrap();
                self.0.spawn(async { drop(connection.await) });
                Sender::Http2(sender)
            }
        }
    }
}

impl Sender {
    pub(crate) async fn ask(&mut self, path: &str) -> hyper::Result<Response<Incoming>> {
        let request = Request::get(format!("http://{SERVER}{path}")).body(Empty::new()).unwrap();
        match self {
            Self::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }

    pub(crate) async fn is_served(&mut self) {
        let answer = self.ask("/").await.unwrap().into_body().collect().await.unwrap();
        assert_eq!(answer.to_bytes(), "nobody");
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}
