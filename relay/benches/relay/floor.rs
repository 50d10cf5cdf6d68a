//! The least that any relay over TLS does: TLS and HTTP on both legs, one shared connection, and no thought in between.

use std::{net::SocketAddr, path::Path};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::{
    gateway::accept,
    pki::{self, GATEWAY, RELAY},
};

/// Serves until it is killed.
pub(crate) fn serve(folder: &Path, gateway: SocketAddr) {
    let acceptor = TlsAcceptor::from(pki::server(folder, RELAY));
    let connector = TlsConnector::from(pki::client(folder, b"h2"));
    tokio::runtime::Runtime::new().unwrap().block_on(async move {
        let stream = TcpStream::connect(gateway).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let stream = connector.connect(ServerName::try_from(GATEWAY).unwrap(), stream).await.unwrap();
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        accept(acceptor, move |request| pass(sender.clone(), request)).await;
    });
}

async fn pass(mut sender: http2::SendRequest<Full<Bytes>>, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let content = request.into_body().collect().await.unwrap().to_bytes();
    let request = Request::post(format!("https://{GATEWAY}/gateway")).header("content-type", "message/ohttp-req");
    let response = sender.send_request(request.body(Full::new(content)).unwrap()).await.unwrap();
    let content = response.into_body().collect().await.unwrap().to_bytes();
    Response::builder().header("content-type", "message/ohttp-res").body(Full::new(content)).unwrap()
}
