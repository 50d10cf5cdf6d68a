//! A listener on loopback, and its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::Full;
use restante_process::{
    ConnectionLimits, Connections, Identify, RequestBody, Socket, Tls, Tunnel, config::dns_name_of,
};
use tokio::{sync::watch, task::JoinHandle};

/// Each is another number, so that a test sees which limit ended a connection.
pub(crate) const LIMITS: ConnectionLimits = ConnectionLimits {
    connections_max: 10,
    connections_per_address_max: None,
    streams_max: 7,
    header_timeout: Duration::from_secs(10),
    response_timeout: Duration::from_secs(70),
    response_stall: Duration::from_secs(25),
    unread_bytes_max: 4 * 1024 * 1024,
    idle_timeout: Duration::from_secs(100),
};

/// Who asks, as the service sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asker(String);

pub(crate) struct Listener {
    pub(crate) address: SocketAddr,
    asked: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Listener {
    /// Serves connections, at most `connections_max` at a time.
    pub(crate) async fn start(tls: Option<Tls>, connections_max: usize) -> Self {
        Self::within(ConnectionLimits { connections_max, ..LIMITS }, tls).await
    }

    /// Serves connections within these limits.
    pub(crate) async fn within(limits: ConnectionLimits, tls: Option<Tls>) -> Self {
        let (socket, address) = Socket::tcp("test", "127.0.0.1:0".parse().unwrap()).await.unwrap();
        Self::on(socket, address, limits, tls)
    }

    /// Serves connections of this socket.
    pub(crate) fn on(socket: Socket, address: SocketAddr, limits: ConnectionLimits, tls: Option<Tls>) -> Self {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = asked.clone();
        let service = tower::service_fn(move |request| {
            count.fetch_add(1, Relaxed);
            answer(request)
        });
        let connections = Connections {
            service,
            route: |_, _| "anything",
            tls,
            identify: Identify::by(|certificate| Some(Asker(dns_name_of(certificate?).ok()?))),
            limits,
        };
        let (stop, stopping) = watch::channel(false);
        Self { address, asked, stop, serving: tokio::spawn(connections.serve(socket, stopping)) }
    }

    /// How many requests the service has seen.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Relaxed)
    }

    /// Drains, and waits for the end.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        self.serving.await.unwrap();
    }
}

/// Says who asked. `/bytes/N` gives so many bytes; a CONNECT gets back what it sends.
async fn answer(mut request: Request<RequestBody>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::CONNECT {
        let tunnel = Tunnel::of(&mut request);
        tokio::spawn(tunnel.carry(|stream| async {
            let (mut reads, mut writes) = tokio::io::split(stream);
            // The client may go away; that is the end.
            let _ = tokio::io::copy(&mut reads, &mut writes).await;
            let _ = tokio::io::AsyncWriteExt::shutdown(&mut writes).await;
        }));
        return Ok(Response::default());
    }
    if let Some(length) = request.uri().path().strip_prefix("/bytes/") {
        return Ok(Response::new(Full::new(vec![0; length.parse().unwrap()].into())));
    }
    let name = request.extensions().get::<Asker>().map_or("nobody", |asker| &asker.0).to_owned();
    Ok(Response::new(Full::new(name.into())))
}
