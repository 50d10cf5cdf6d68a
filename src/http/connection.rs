//! Accepting connections and serving them: bounded in number and time, drained at the end.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use axum::{Router, extract::Request};
use hyper::body::Incoming;
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

use super::{Peer, first_byte::FirstByte, unread::Unread};

/// After a failed accept (out of file descriptors, mostly) the loop waits so long instead of spinning.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// Waiting receives share connections: this many on each.
const STREAMS_PER_CONNECTION: u32 = 1024;
/// Dead HTTP/2 connections are found out by pings.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
const HEADER_BYTES_MAX: u32 = 16 * 1024;
const HTTP1_BUFFER_BYTES: usize = 64 * 1024;

/// Where connections come from.
#[derive(Debug)]
pub enum Socket {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket, removed at the end.
    Unix(UnixListener, PathBuf),
}

/// How connections of a listener are served.
#[derive(Clone)]
pub struct Connections {
    /// What answers requests.
    pub router: Router,
    /// Mutual TLS, on the provider listener.
    pub tls: Option<TlsAcceptor>,
    /// How many connections may be open at once; more wait to be accepted.
    pub connections_max: usize,
    /// How long a handshake, or the head of a request, may take.
    pub header_timeout: Duration,
}

impl Connections {
    /// Accepts and serves until `shutdown` turns true or its sender is gone, then lets requests finish and returns.
    pub async fn serve(self, socket: Socket, mut shutdown: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.connections_max.min(Semaphore::MAX_PERMITS)));
        let mut tasks = JoinSet::new();
        loop {
            // Finished tasks are taken off as they end, so that the set holds open connections only.
            while tasks.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = self.accept(&socket, &places) => accepted,
                _ = shutdown.wait_for(|ends| *ends) => break,
            };
            match accepted {
                Ok((stream, place)) => {
                    let (connections, shutdown) = (self.clone(), shutdown.clone());
                    tasks.spawn(async move {
                        connections.attend(stream, shutdown).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(kind = ?error.kind(), "a connection was not accepted: check LimitNOFILE");
                    tokio::time::sleep(ACCEPT_BACKOFF).await;
                }
            }
        }
        // From here on the system refuses connections: whoever comes now goes elsewhere at once.
        match socket {
            Socket::Tcp(listener) => drop(listener),
            Socket::Unix(listener, path) => {
                drop(listener);
                drop(std::fs::remove_file(path));
            }
        }
        while tasks.join_next().await.is_some() {}
    }

    async fn accept(
        &self,
        socket: &Socket,
        places: &Arc<Semaphore>,
    ) -> io::Result<(Box<dyn Stream>, OwnedSemaphorePermit)> {
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let stream: Box<dyn Stream> = match socket {
            Socket::Tcp(listener) => {
                let (stream, _address) = listener.accept().await?;
                // Answers are small and somebody waits for each.
                stream.set_nodelay(true)?;
                Box::new(stream)
            }
            Socket::Unix(listener, _) => Box::new(listener.accept().await?.0),
        };
        Ok((stream, place))
    }

    async fn attend(self, stream: Box<dyn Stream>, mut shutdown: watch::Receiver<bool>) {
        let Some(tls) = &self.tls else { return self.answer(stream, None, shutdown).await };
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(self.header_timeout, tls.accept(stream)) => accepted,
            _ = shutdown.wait_for(|ends| *ends) => return,
        };
        // A client without a trusted certificate gets a TLS alert and nothing else; it is not worth a log line each.
        let Ok(Ok(stream)) = accepted else { return };
        let (_, session) = stream.get_ref();
        let peer = session.peer_certificates().and_then(<[_]>::first).map(|leaf| Peer::of_certificate(leaf));
        self.answer(stream, peer, shutdown).await;
    }

    async fn answer(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + 'static,
        peer: Option<Peer>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let router = &self.router;
        let service = hyper::service::service_fn(move |request: Request<Incoming>| {
            let (request, unread) = Unread::lend(request);
            let request = match &peer {
                Some(peer) => peer.mark(request),
                None => request,
            };
            let answering = router.clone().oneshot(request);
            async move {
                let answer = answering.await;
                unread.discard().await;
                answer
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(HTTP1_BUFFER_BYTES);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS_PER_CONNECTION)
            .max_header_list_size(HEADER_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT);
        let stream = FirstByte::within(self.header_timeout, stream);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            // How a connection ends is the client's business; what it asked for was answered or it went away.
            _ = connection.as_mut() => return,
            _ = shutdown.wait_for(|ends| *ends) => connection.as_mut().graceful_shutdown(),
        }
        drop(connection.await);
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl std::fmt::Debug for Connections {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Connections").field("connections_max", &self.connections_max).finish_non_exhaustive()
    }
}
