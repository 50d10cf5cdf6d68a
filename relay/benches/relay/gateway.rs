//! A gateway that opens nothing: TLS, HTTP, and the same bytes for everybody.

use std::{convert::Infallible, path::Path};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::{
    RESPONSE_BYTES,
    pki::{self, GATEWAY},
};

/// Serves until it is killed.
pub(crate) fn serve(folder: &Path) {
    let acceptor = TlsAcceptor::from(pki::server(folder, GATEWAY));
    tokio::runtime::Runtime::new().unwrap().block_on(accept(acceptor, |request: Request<Incoming>| async move {
        let (head, body) = request.into_parts();
        let _ = body.collect().await;
        if head.method == Method::POST { response() } else { keys() }
    }));
}

fn response() -> Response<Full<Bytes>> {
    static SEALED: [u8; RESPONSE_BYTES] = [7; RESPONSE_BYTES];
    let builder = Response::builder().header("content-type", "message/ohttp-res");
    builder.body(Full::new(Bytes::from_static(&SEALED))).unwrap()
}

fn keys() -> Response<Full<Bytes>> {
    let list = [&[0, 41, 1, 0, 0x20][..], &[1; 32], &[0, 4, 0, 1, 0, 1]].concat();
    Response::builder().header("content-type", "application/ohttp-keys").body(Full::new(list.into())).unwrap()
}

/// Says where it listens, and answers.
pub(crate) async fn accept<S, F>(acceptor: TlsAcceptor, answer: S)
where
    S: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<Full<Bytes>>> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("listening {}", listener.local_addr().unwrap());
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (acceptor, answer) = (acceptor.clone(), answer.clone());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(move |request| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(answer(request).await) }
            });
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
