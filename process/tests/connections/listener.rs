//! A listener on loopback, and its end.

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use hyper_util::rt::TokioIo;
use restante_process::{Connections, Identify, RequestBody, Socket, Tls, config::dns_name_of};
use tokio::{sync::watch, task::JoinHandle};

/// How long a client may take to begin.
pub(crate) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// Who asks, as the service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker(String);

pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Listener {
    /// Serves connections, at most `connections_max` at a time.
    pub(crate) async fn start(tls: Option<Tls>, connections_max: usize) -> Self {
        let (socket, address) = Socket::tcp("test", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        let connections = Connections {
            service: tower::service_fn(answer),
            route: |_, _| "anything",
            tls,
            identify: Identify::by(|certificate| Some(Asker(dns_name_of(certificate?).ok()?))),
            connections_max,
            header_timeout: HEADER_TIMEOUT,
        };
        let (stop, stopping) = watch::channel(false);
        Self { address, stop, serving: tokio::spawn(connections.serve(socket, stopping)) }
    }

    /// Drains, and waits for the end.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
    }
}

/// Says who asked; a CONNECT gets back what it sends.
async fn answer(mut request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::CONNECT {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let Ok(upgraded) = upgrade.await else { return };
            let (mut reads, mut writes) = tokio::io::split(TokioIo::new(upgraded));
            // The client may go away; that is the end.
            let _ = tokio::io::copy(&mut reads, &mut writes).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut writes).await;
        });
        return Ok(Response::default());
    }
    let name = request.extensions().get::<Asker>().map_or("nobody", |asker| &asker.0).to_owned();
    Ok(Response::new(Full::new(name.into())))
}
