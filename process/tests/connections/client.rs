//! The other end of a connection: bytes, or requests of either protocol.

use std::{io, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::{body::Incoming, client::conn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::pki::SERVER;

/// The first bytes of HTTP/2 (RFC 9113, §3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// An empty SETTINGS frame.
pub(crate) const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

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
