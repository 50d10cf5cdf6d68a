//! Accepting connections and serving them: bounded in number and time, drained at the end.

use std::{convert::Infallible, error::Error, fmt, io, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use hyper::body::{Body, Incoming};
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    task::JoinSet,
    time::Instant,
};
use tower::{Service, ServiceExt};
use tracing::Level;

use crate::{
    ConnectionLimits, Identify, RequestBody, Socket, Stopwatch, Tls,
    answer::Answer,
    exchanges::{Exchange, Exchanges, Overdue},
    identify::Mark,
    opening::Opening,
    place::{Place, Places},
    protocols::protocols,
    refused::see_off,
    socket::Stream,
    status_class,
    tunnel::Underneath,
    unread::Unread,
};

/// After a failed accept (out of file descriptors, mostly) the loop waits so long instead of spinning.
const ACCEPT_BACKOFF: Duration = Duration::from_millis(100);
/// So often at most it is said that connections are not accepted.
const ACCEPT_COMPLAINTS: Duration = Duration::from_secs(60);
/// How long a connection that was told to end may go on without anything under way: for the protocol's farewell.
const PARTING_MAX: Duration = Duration::from_secs(5);

/// What the log calls a request: one of few words of the program's own.
///
/// # Privacy
/// The method and the path are the client's. What is returned stands in the program's text and never holds a part of
/// them.
pub type RouteName = fn(&Method, &Uri) -> &'static str;

/// How connections of a listener are served, with HTTP/1.1 or HTTP/2 as the client likes.
///
/// The service answers `http::Request<RequestBody>`. A `CONNECT` is a request like others: a service that answers it
/// with a success takes the stream over as a [`crate::Tunnel`], on both protocols. A tunnel counts as a connection as long
/// as it is open; closing it at the end is its owner's business.
///
/// Responses come from memory, whole or in pieces. What a client does not take up in time ends its connection.
#[derive(Clone)]
pub struct Connections<S> {
    /// What answers requests: a clone for each.
    pub service: S,
    /// What the log calls its requests.
    pub route: RouteName,
    /// TLS, except on loopback and unix sockets.
    pub tls: Option<Tls>,
    /// What becomes of a client's certificate.
    pub identify: Identify,
    /// What they may take.
    pub limits: ConnectionLimits,
}

impl<S, B> Connections<S>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Accepts and serves until `shutdown` turns true or its sender is gone, then lets requests finish and returns.
    pub async fn serve(self, socket: Socket, mut shutdown: watch::Receiver<bool>) {
        let places = Arc::new(Places::new(socket.table(), &self.limits));
        let mut tasks = JoinSet::new();
        let (mut failed, mut complained) = (0_u64, None::<Instant>);
        loop {
            // Finished tasks are taken off as they end, so that the set holds open connections only.
            while tasks.try_join_next().is_some() {}
            let accepted = tokio::select! {
                accepted = accept(&socket, &places) => accepted,
                _ = shutdown.wait_for(|ends| *ends) => break,
            };
            match accepted {
                Ok((stream, place)) => {
                    tasks.spawn(self.clone().attend(stream, place, shutdown.clone()));
                }
                // The client has gone again.
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    failed += 1;
                    if complained.is_none_or(|last| last.elapsed() >= ACCEPT_COMPLAINTS) {
                        let (listener, kind) = (socket.table(), error.kind());
                        tracing::warn!(listener, ?kind, failed, "connections are not accepted: check LimitNOFILE");
                        (failed, complained) = (0, Some(Instant::now()));
                    }
                    tokio::select! {
                        () = tokio::time::sleep(ACCEPT_BACKOFF) => {}
                        _ = shutdown.wait_for(|ends| *ends) => break,
                    }
                }
            }
        }
        socket.close();
        while tasks.join_next().await.is_some() {}
    }

    async fn attend(self, stream: Box<dyn Stream>, place: Place, mut shutdown: watch::Receiver<bool>) {
        let Some(tls) = &self.tls else { return self.answer(stream, place, None, shutdown).await };
        let accepted = tokio::select! {
            accepted = tokio::time::timeout(self.limits.header_timeout, tls.acceptor().accept(stream).into_fallible()) => accepted,
            _ = shutdown.wait_for(|ends| *ends) => return,
        };
        // A client without a trusted certificate gets a TLS alert and nothing else; it is not worth a warning each.
        let stream = match accepted {
            Ok(Ok(stream)) => stream,
            Ok(Err((_, stream))) => {
                tracing::debug!(listener = place.listener(), "a TLS handshake failed");
                return see_off(stream).await;
            }
            Err(_) => return,
        };
        let (_, session) = stream.get_ref();
        let certificate = session.peer_certificates().and_then(<[_]>::first).cloned();
        self.answer(stream, place, certificate, shutdown).await;
    }

    async fn answer(
        self,
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        place: Place,
        certificate: Option<CertificateDer<'static>>,
        mut shutdown: watch::Receiver<bool>,
    ) {
        let mark = self.identify.read(certificate.as_ref());
        let (service, route, listener, limits) = (self.service, self.route, place.listener(), self.limits);
        let exchanges = Arc::new(Exchanges::new(limits));
        let begun = exchanges.clone();
        let service = hyper::service::service_fn(move |request| {
            answer_request(service.clone(), &mark, begun.begin(), route, listener, request)
        });
        let builder = protocols(&limits);
        let stream = Opening::within(limits.header_timeout, stream, place);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let overdue = tokio::select! {
            // How a connection ends is the client's business; what it asked for was answered or it went away.
            _ = connection.as_mut() => return,
            overdue = exchanges.overdue(limits.idle_timeout) => Some(overdue),
            _ = shutdown.wait_for(|ends| *ends) => None,
        };
        match overdue {
            Some(Overdue::Answer) => return report(listener, Overdue::Answer),
            Some(Overdue::Idle) => report(listener, Overdue::Idle),
            None => {}
        }
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            _ = connection => {}
            overdue = exchanges.overdue(PARTING_MAX) => report(listener, overdue),
        }
    }
}

/// Says that a connection is ended, and why.
fn report(listener: &'static str, overdue: Overdue) {
    let reason = match overdue {
        Overdue::Answer => "an answer was not taken up",
        Overdue::Idle => "idle",
    };
    tracing::debug!(listener, reason, "connection ended");
}

fn answer_request<S, B>(
    service: S,
    mark: &Mark,
    exchange: Exchange,
    route: RouteName,
    listener: &'static str,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer<B>>, Infallible>> + use<S, B>
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error = Infallible>,
    B: Body,
{
    let route = tracing::enabled!(Level::DEBUG).then(|| route(request.method(), request.uri()));
    let watch = Stopwatch::start_if(route.is_some());
    let (mut request, unread) = Unread::lend(request);
    mark(request.extensions_mut());
    let exchange = Arc::new(exchange);
    if request.method() == Method::CONNECT {
        request.extensions_mut().insert(Underneath(exchange.clone()));
    }
    async move {
        exchange.room().await;
        let Ok(answer) = service.oneshot(request).await;
        if let (Some(route), Some(duration_us)) = (route, watch.micros()) {
            let status = status_class(answer.status());
            tracing::debug!(listener, route, status, duration_us, "request answered");
        }
        unread.discard().await;
        Ok(Answer::of(answer, exchange))
    }
}

/// The next connection that is served. Those that are not are closed without a word.
async fn accept(socket: &Socket, places: &Arc<Places>) -> io::Result<(Box<dyn Stream>, Place)> {
    loop {
        let free = places.free().await.map_err(io::Error::other)?;
        let (stream, address) = socket.accept().await?;
        if let Some(place) = places.take(free, address) {
            return Ok((stream, place));
        }
    }
}

impl<S> fmt::Debug for Connections<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connections")
            .field("connections_max", &self.limits.connections_max)
            .finish_non_exhaustive()
    }
}
