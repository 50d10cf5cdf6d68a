//! A server that answers as a test says.

use std::{convert::Infallible, future::Future, net::SocketAddr, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// How many requests one HTTP/2 connection takes at a time.
pub(crate) const STREAMS_MAX: u32 = 100;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) version: Version,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

pub(crate) type Answer = Response<Full<Bytes>>;

pub(crate) fn answer(status: StatusCode, media_type: &str, body: impl Into<Bytes>) -> Answer {
    let answer = Response::builder().status(status).header("content-type", media_type);
    answer.body(Full::new(body.into())).unwrap()
}

pub(crate) async fn serve_stream<F, A>(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, handler: F)
where
    F: Fn(Arrived) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let handler = handler.clone();
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let path = head.uri.path().to_owned();
            Ok::<_, Infallible>(handler(Arrived { version: head.version, path, headers: head.headers, body }).await)
        }
    });
    let mut server = auto::Builder::new(TokioExecutor::new());
    server.http2().max_concurrent_streams(STREAMS_MAX);
    // A client that goes away is what some tests are about.
    drop(server.serve_connection(TokioIo::new(stream), service).await);
}

/// Serves plain HTTP until the runtime ends.
pub(crate) async fn serve<F, A>(handler: F) -> SocketAddr
where
    F: Fn(Arrived) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            tokio::spawn(serve_stream(stream, handler.clone()));
        }
    });
    address
}

/// Serves TLS until the runtime ends.
pub(crate) async fn serve_tls<F, A>(tls: rustls::ServerConfig, handler: F) -> SocketAddr
where
    F: Fn(Arrived) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            let (acceptor, handler) = (acceptor.clone(), handler.clone());
            tokio::spawn(async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    serve_stream(stream, handler).await;
                }
            });
        }
    });
    address
}
