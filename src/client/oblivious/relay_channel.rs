//! Requests to the relay itself.

use std::{
    net::SocketAddr,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Uri, header, uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::GaiResolver},
    },
    rt::{TokioExecutor, TokioTimer},
};
use tower_service::Service;

use super::{OHTTP_REQUEST, relay::Relay, trust_roots::TrustRoots};
use crate::{
    client::http::{ChannelError, ChannelResponse, Limits, dial::Within, exchange::exchange},
    wire::ServiceProviderId,
};

/// How long an idle connection is kept.
const IDLE: Duration = Duration::from_secs(8);

/// The longest head of a response that is read, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Connects to the relay with TLS.
pub(super) type DialTls = Within<HttpsConnector<DialRelay>>;

/// A relay's resources, over pooled connections.
///
/// Sends every request once: whether one that failed had been forwarded is not known (RFC 9458 §6.5).
///
/// # Privacy
/// A request has the fields that it cannot do without, and the token that the relay takes off. Nothing of it depends on
/// what is inside.
#[derive(Clone)]
pub(super) struct RelayChannel {
    client: Client<DialTls, Full<Bytes>>,
    pub(super) relay: Relay,
    pub(super) limits: Limits,
}

impl RelayChannel {
    pub(super) fn new(relay: Relay, roots: &TrustRoots, limits: Limits) -> Self {
        let dial = dial(&relay, roots, &limits, Protocols::Http2);
        let client = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .retry_canceled_requests(false)
            .http1_max_buf_size(HEAD_BYTES_MAX)
            .http2_max_header_list_size(u32::try_from(HEAD_BYTES_MAX).expect("16 KiB"))
            .build(dial);
        Self { client, relay, limits }
    }

    /// `POST /v1/relay/{provider}`.
    pub(super) async fn forward(
        &self,
        provider: &ServiceProviderId,
        encapsulated: Bytes,
        response_max: usize,
    ) -> Result<ChannelResponse, ChannelError> {
        let mut request = self.request(Method::POST, &format!("/v1/relay/{provider}"), encapsulated);
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, self.relay.token.header());
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(OHTTP_REQUEST));
        self.exchange(request, response_max).await
    }

    /// `GET /v1/relay/{provider}/keys`: the relay's copy of a gateway's key list. Without the token: what is the same for
    /// everybody needs none.
    pub(super) async fn key_list(
        &self,
        provider: &ServiceProviderId,
        response_max: usize,
    ) -> Result<ChannelResponse, ChannelError> {
        let request = self.request(Method::GET, &format!("/v1/relay/{provider}/keys"), Bytes::new());
        self.exchange(request, response_max).await
    }

    /// `GET /v1/relay/{provider}/keys/log`: which lists the relay has served. Without the token, too.
    pub(super) async fn key_log(
        &self,
        provider: &ServiceProviderId,
        response_max: usize,
    ) -> Result<ChannelResponse, ChannelError> {
        let request = self.request(Method::GET, &format!("/v1/relay/{provider}/keys/log"), Bytes::new());
        self.exchange(request, response_max).await
    }

    fn request(&self, method: Method, path: &str, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        let uri = Uri::builder().scheme(uri::Scheme::HTTPS).authority(self.relay.url.uri_authority().clone());
        *request.uri_mut() = uri.path_and_query(path).build().expect("a domain name in a fixed path is a URI");
        request
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
        response_max: usize,
    ) -> Result<ChannelResponse, ChannelError> {
        let limits = Limits { response_bytes: response_max, ..self.limits };
        exchange(&self.client, request, &limits, Duration::ZERO, &mut ()).await
    }
}

/// What to speak with the relay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Protocols {
    /// HTTP/2 where the relay has it.
    Http2,
    /// HTTP/1.1, whose CONNECT turns a whole connection into a tunnel.
    Http1,
}

/// The way to the relay: TLS that is verified for the host of its url, wherever it is dialled.
pub(super) fn dial(relay: &Relay, roots: &TrustRoots, limits: &Limits, protocols: Protocols) -> DialTls {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(limits.connect));
    let dial = DialRelay { http, address: relay.address };
    let builder = HttpsConnectorBuilder::new().with_tls_config(roots.relay_tls()).https_only().enable_http1();
    let connector = match protocols {
        Protocols::Http2 => builder.enable_http2().wrap_connector(dial),
        Protocols::Http1 => builder.wrap_connector(dial),
    };
    Within { connector, timeout: limits.connect }
}

/// Dials the relay: its host, or the address that stands for it.
#[derive(Clone)]
pub(super) struct DialRelay {
    http: HttpConnector<GaiResolver>,
    address: Option<SocketAddr>,
}

impl Service<Uri> for DialRelay {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context)
    }

    fn call(&mut self, relay: Uri) -> Self::Future {
        let dialled = self.address.map(|address| Uri::try_from(format!("https://{address}/")));
        self.http.call(dialled.map_or(relay, |address| address.expect("an address is a host")))
    }
}
