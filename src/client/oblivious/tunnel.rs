//! The gateway's own key list, through the relay: the gateway does not see who asks, and the relay not what is said.

use std::{io, pin::pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    body::Body,
    client::conn::http1,
    rt::{Read, Write},
    upgrade::{self, Upgraded},
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{
    KEY_LIST_MEDIA_TYPE,
    certificate_fault::CertificateFault,
    key_list::KEY_LIST_MAX,
    relay::Relay,
    relay_channel::{DialTls, HEAD_BYTES_MAX, Protocols, dial},
    trust_roots::TrustRoots,
};
use crate::{
    client::http::{ChannelError, ChannelResponse, Limits, exchange::classify},
    wire::ServiceProviderId,
};

/// Where a gateway serves its key list (RFC 9540).
const GATEWAY_PATH: &str = "/.well-known/ohttp-gateway";

/// The key list did not come through the tunnel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TunnelError {
    /// The relay cannot be reached.
    Relay(ChannelError),
    /// The relay opened no tunnel.
    Refused(StatusCode),
    /// Whoever is at the other end has shown a certificate that is not good for the gateway's name.
    Certificate(CertificateFault),
    /// The gateway, or the way to it, broke off.
    Gateway(ChannelError),
}

/// Tunnels through the relay.
#[derive(Clone)]
pub(super) struct Tunnel {
    dial: DialTls,
    tls: TlsConnector,
    relay: Relay,
    limits: Limits,
}

impl Tunnel {
    pub(super) fn new(relay: Relay, roots: &TrustRoots, limits: Limits) -> Self {
        let dial = dial(&relay, roots, &limits, Protocols::Http1);
        Self { dial, tls: TlsConnector::from(Arc::new(roots.gateway_tls())), relay, limits }
    }

    /// What the gateway answers to a request for its key list, whatever its status.
    pub(super) async fn key_list(&self, provider: &ServiceProviderId) -> Result<ChannelResponse, TunnelError> {
        let deadline = Instant::now() + self.limits.request;
        let connecting = timeout_at(deadline, self.connect(provider));
        let through = connecting.await.unwrap_or(Err(TunnelError::Relay(ChannelError::Timeout)))?;
        let asking = timeout_at(deadline, self.ask(provider, through));
        asking.await.unwrap_or(Err(TunnelError::Gateway(ChannelError::Timeout)))
    }

    /// `CONNECT {provider}:443`.
    ///
    /// A success of any kind opens a tunnel, and what its fields say about content is ignored: the bytes behind its head
    /// are the tunnel's (RFC 9110 §9.3.6). Nothing is believed of a relay by that; TLS with the gateway begins there. 204
    /// is taken for a refusal, because hyper reads nothing behind it.
    async fn connect(&self, provider: &ServiceProviderId) -> Result<Upgraded, TunnelError> {
        let relay =
            Uri::builder().scheme("https").authority(self.relay.url.uri_authority().clone()).path_and_query("/");
        let relay = relay.build().expect("an authority is a URI");
        let stream = self.dial.clone().call(relay).await;
        let stream = stream.map_err(|error| TunnelError::Relay(classify(&*error, true)))?;
        let (mut sender, connection) = handshake(stream).await.map_err(broken_relay)?;
        let authority = format!("{provider}:443");
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::CONNECT;
        *request.uri_mut() = Uri::try_from(&authority).expect("a domain name and a port are an authority");
        let host = HeaderValue::try_from(authority).expect("a domain name is a field value");
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::PROXY_AUTHORIZATION, self.relay.token.header());
        beside(connection.with_upgrades(), async {
            let response = sender.send_request(request).await.map_err(broken_relay)?;
            let status = response.status();
            if !status.is_success() || status == StatusCode::NO_CONTENT {
                return Err(TunnelError::Refused(status));
            }
            upgrade::on(response).await.map_err(broken_relay)
        })
        .await
    }

    async fn ask(&self, provider: &ServiceProviderId, through: Upgraded) -> Result<ChannelResponse, TunnelError> {
        // A name that no certificate can have.
        let name = ServerName::try_from(provider.as_str().to_owned())
            .map_err(|_| TunnelError::Certificate(CertificateFault::Name))?;
        let stream = self.tls.connect(name, TokioIo::new(through)).await.map_err(tls_fault)?;
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.map_err(broken_gateway)?;
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.uri_mut() = Uri::from_static(GATEWAY_PATH);
        let host = HeaderValue::try_from(provider.as_str()).expect("a domain name is a field value");
        request.headers_mut().insert(header::HOST, host);
        request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(KEY_LIST_MEDIA_TYPE));
        beside(connection, async {
            let (head, body) = sender.send_request(request).await.map_err(broken_gateway)?.into_parts();
            let body = Limited::new(body, KEY_LIST_MAX).collect().await.map_err(|error| {
                let too_large = error.downcast_ref::<LengthLimitError>().is_some();
                let error = if too_large { ChannelError::ResponseTooLarge } else { ChannelError::Broken };
                TunnelError::Gateway(error)
            })?;
            Ok(ChannelResponse { status: head.status, headers: head.headers, body: body.to_bytes() })
        })
        .await
    }
}

/// HTTP/1.1 with a bound on what the other side says before its content.
async fn handshake<S, B>(stream: S) -> hyper::Result<(http1::SendRequest<B>, http1::Connection<S, B>)>
where
    S: Read + Write + Unpin,
    B: Body + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    http1::Builder::new().max_buf_size(HEAD_BYTES_MAX).handshake(stream).await
}

/// Runs an exchange and the connection under it, until the exchange is done.
async fn beside<T>(connection: impl Future, exchange: impl Future<Output = T>) -> T {
    let mut exchange = pin!(exchange);
    tokio::select! {
        biased;
        done = &mut exchange => done,
        // Whatever ended it, the exchange knows by now or is about to.
        _ = connection => exchange.await,
    }
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn broken_relay(error: hyper::Error) -> TunnelError {
    TunnelError::Relay(classify(&error, false))
}

#[allow(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn broken_gateway(error: hyper::Error) -> TunnelError {
    TunnelError::Gateway(classify(&error, false))
}

/// A certificate that was read and refused is somebody else's, or a wrong one. All else says nothing about who is there:
/// the way broke, or what came over it was no TLS.
#[allow(clippy::needless_pass_by_value, reason = "what map_err hands over")]
fn tls_fault(error: io::Error) -> TunnelError {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(error)) => TunnelError::Certificate(CertificateFault::of(error)),
        Some(_) => TunnelError::Gateway(ChannelError::Tls),
        None => TunnelError::Gateway(ChannelError::Broken),
    }
}
