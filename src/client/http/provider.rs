//! Other providers' listeners, over mutual TLS (specs/http.md).

use std::{
    collections::HashMap,
    pin::Pin,
    str::FromStr,
    sync::{Arc, PoisonError, RwLock},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http::{Uri, uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::GaiResolver},
    },
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::sync::{Semaphore, SemaphorePermit};
use tower_service::Service;

use super::{
    Channel, ChannelError, ChannelRequest, ChannelResponse, Limits, ResponseMemory,
    dial::Within,
    exchange::{exchange, http_request},
    peer_certificate::PeerCertificate,
    refusal::{Refusals, Watched},
};
use crate::wire::ServiceProviderId;

/// How long an idle connection is kept: shorter than the ten seconds after which a server of ours gives up on one.
const IDLE: Duration = Duration::from_secs(8);
/// How often a quiet HTTP/2 connection is asked whether it still lives, and how long the answer may take. Requests may
/// legitimately hang on it for most of a minute.
const PING: (Duration, Duration) = (Duration::from_secs(15), Duration::from_secs(10));

/// Who we are towards other providers, and whom we trust to say who they are. PEM.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, Copy)]
pub struct ProviderIdentity<'a> {
    /// The certificates of the authorities that sign providers' certificates.
    pub ca: &'a [u8],
    /// Our certificate, followed by intermediates.
    pub certificates: &'a [u8],
    /// The private key of our certificate.
    pub key: &'a [u8],
}

impl std::fmt::Debug for ProviderIdentity<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ProviderIdentity(..)")
    }
}

/// The certificates or the key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTls {
    /// No certificate authority, or one that cannot be read.
    #[error("the CA file holds no usable certificate")]
    Ca,
    /// No certificate, or one that cannot be read.
    #[error("the certificate file holds no usable certificate")]
    Certificate,
    /// No key, or one that cannot be read.
    #[error("the key file holds no usable private key")]
    Key,
    /// The key is not that of the certificate, or of a kind that TLS does not take.
    #[error("the private key does not fit the certificate")]
    KeyMismatch,
}

/// `https://host[:port]`: where a peer listens. The name in it is only dialled, never trusted: the certificate must be
/// that of the peer's id.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerUrl(uri::Authority);

/// The text is no URL of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a peer's url is https://host or https://host:port, without user, path or query")]
pub struct InvalidPeerUrl;

impl PeerUrl {
    /// Host and port.
    pub(in crate::client) fn authority(&self) -> &uri::Authority {
        &self.0
    }
}

impl FromStr for PeerUrl {
    type Err = InvalidPeerUrl;

    fn from_str(url: &str) -> Result<Self, InvalidPeerUrl> {
        let parts = Uri::from_str(url).map_err(|_| InvalidPeerUrl)?.into_parts();
        let rootless = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        match (parts.scheme, parts.authority) {
            (Some(scheme), Some(authority))
                if scheme == uri::Scheme::HTTPS
                    && rootless
                    && !authority.host().is_empty()
                    && !authority.as_str().contains('@')
                    // An explicit port must be one: "host:" and "host:x" are not.
                    && (authority.port_u16().is_some_and(|port| port != 0) || authority.as_str() == authority.host()) =>
            {
                Ok(Self(authority))
            }
            _ => Err(InvalidPeerUrl),
        }
    }
}

impl std::fmt::Debug for PeerUrl {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PeerUrl(..)")
    }
}

/// Channels to all configured peers.
///
/// Connections are pooled for each peer; HTTP/2 where the peer speaks it. Requests that wait have connections of their
/// own, a hundred on each, so that thousands of them stand neither in the way of a send nor in each other's.
///
/// Clones share all of it: [`ProviderClient::adopt`] is seen by all.
#[derive(Clone)]
pub struct ProviderClient(Arc<RwLock<Arc<Channels>>>);

/// Peers and certificates, which do not change, and the connections that were made with them.
struct Channels {
    prompt: Pool,
    waiting: Box<[Pool]>,
    peers: Arc<HashMap<ServiceProviderId, Peer>>,
    limits: Limits,
}

struct Peer {
    url: PeerUrl,
    /// Free places for waiting requests, on the connection that each pool of `waiting` has to this peer.
    places: Vec<Semaphore>,
    refusals: Refusals,
}

impl Peer {
    fn new(url: PeerUrl) -> Self {
        let places = (0..WAITING_CONNECTIONS).map(|_| Semaphore::new(WAITING_ON_CONNECTION)).collect();
        Self { url, places, refusals: Refusals::default() }
    }
}

/// How many requests wait on one connection: as many as every HTTP/2 server should take (RFC 9113 §6.5.2).
const WAITING_ON_CONNECTION: usize = 100;
/// How many connections to one peer waiting requests may need. Above that they share the last one.
const WAITING_CONNECTIONS: usize = 128;

type Pool = Client<Within<WatchPeer>, Full<Bytes>>;

impl ProviderClient {
    /// A client that connects when it is first used.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(
        identity: ProviderIdentity<'_>,
        peers: impl IntoIterator<Item = (ServiceProviderId, PeerUrl)>,
        limits: Limits,
    ) -> Result<Self, InvalidTls> {
        let peers: Arc<HashMap<_, _>> = Arc::new(peers.into_iter().map(|(id, url)| (id, Peer::new(url))).collect());
        let tls = tls(identity)?;
        // Pools, unlike connections, cost next to nothing.
        let pool = || pool(tls.clone(), Arc::clone(&peers), &limits);
        let waiting = (0..WAITING_CONNECTIONS).map(|_| pool()).collect();
        let channels = Channels { prompt: pool(), waiting, peers: Arc::clone(&peers), limits };
        Ok(Self(Arc::new(RwLock::new(Arc::new(channels)))))
    }

    /// The channel to a peer; `None` when it is not configured.
    pub fn peer(&self, id: &ServiceProviderId) -> Option<PeerChannel> {
        let channels = self.channels();
        channels.peers.contains_key(id).then(|| PeerChannel { channels, peer: id.clone() })
    }

    /// From now on peers and certificates are those of the other one. A channel that was given out stays what it is; the
    /// connections of before end with their last request.
    pub fn adopt(&self, other: &Self) {
        let channels = other.channels();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = channels;
    }

    fn channels(&self) -> Arc<Channels> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Channels {
    /// The first connection with room for one more that waits.
    fn place_to_wait<'a>(&'a self, peer: &'a Peer) -> (&'a Pool, Option<SemaphorePermit<'a>>) {
        let mut places = self.waiting.iter().zip(&peer.places);
        let free = places.find_map(|(pool, places)| Some((pool, Some(places.try_acquire().ok()?))));
        free.unwrap_or_else(|| (self.waiting.last().unwrap_or(&self.prompt), None))
    }
}

impl std::fmt::Debug for ProviderClient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ProviderClient")
            .field("peers", &self.channels().peers.len())
            .field("limits", &self.channels().limits)
            .finish_non_exhaustive()
    }
}

/// The channel to one peer.
///
/// # Privacy
/// `Debug` shows no id.
#[derive(Clone)]
pub struct PeerChannel {
    channels: Arc<Channels>,
    peer: ServiceProviderId,
}

impl Channel for PeerChannel {
    async fn post(&self, request: ChannelRequest) -> Result<ChannelResponse, ChannelError> {
        self.post_within(request, &mut ()).await
    }
}

impl PeerChannel {
    /// [`Channel::post`] with a bound on the memory that responses take together.
    ///
    /// # Errors
    /// Those of [`Channel::post`], and [`ChannelError::NoMemory`].
    pub async fn post_within(
        &self,
        request: ChannelRequest,
        memory: &mut impl ResponseMemory,
    ) -> Result<ChannelResponse, ChannelError> {
        let uri = Uri::try_from(format!("https://{}{}", self.peer, request.operation.path()));
        let made = http_request(uri.expect("a domain name and a fixed path are a URI"), &request);
        let peer = self.channels.peers.get(&self.peer).ok_or(ChannelError::UnknownPeer)?;
        let refused_before = peer.refusals.count();
        // The place is free again when the exchange ends, however it ends.
        let (pool, _place) =
            if request.wait.is_zero() { (&self.channels.prompt, None) } else { self.channels.place_to_wait(peer) };
        match exchange(pool, made, &self.channels.limits, request.wait, memory).await {
            // The same peer has refused the same certificate in the meantime: this was the reason, or would be next.
            Err(ChannelError::Broken) if peer.refusals.count() != refused_before => Err(ChannelError::Tls),
            outcome => outcome,
        }
    }
}

impl std::fmt::Debug for PeerChannel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("PeerChannel(..)")
    }
}

fn tls(identity: ProviderIdentity<'_>) -> Result<ClientConfig, InvalidTls> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(identity.ca) {
        roots.add(certificate.map_err(|_| InvalidTls::Ca)?).map_err(|_| InvalidTls::Ca)?;
    }
    let usual = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|_| InvalidTls::Ca)?;
    let chain: Vec<_> = CertificateDer::pem_slice_iter(identity.certificates)
        .collect::<Result<_, _>>()
        .map_err(|_| InvalidTls::Certificate)?;
    if chain.is_empty() {
        return Err(InvalidTls::Certificate);
    }
    let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(|_| InvalidTls::Key)?;
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("AWS-LC has the suites of TLS 1.2 and 1.3")
        // Dangerous in name: this verifier does all that the usual one does, and then some.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(PeerCertificate { usual }))
        .with_client_auth_cert(chain, key)
        .map_err(|_| InvalidTls::KeyMismatch)
}

fn pool(tls: ClientConfig, peers: Arc<HashMap<ServiceProviderId, Peer>>, limits: &Limits) -> Pool {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_connect_timeout(Some(limits.connect));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_only()
        .enable_http1()
        .enable_http2()
        .wrap_connector(DialPeer { http, peers: Arc::clone(&peers) });
    let connector = WatchPeer { connector, peers };
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .http2_keep_alive_interval(PING.0)
        .http2_keep_alive_timeout(PING.1)
        .http2_initial_stream_window_size(1024 * 1024)
        .http2_initial_connection_window_size(16 * 1024 * 1024)
        .build(Within { connector, timeout: limits.connect })
}

/// Dials a peer by its id: requests, pools and TLS know the id only, the socket alone knows the address.
#[derive(Clone)]
struct DialPeer {
    http: HttpConnector<GaiResolver>,
    peers: Arc<HashMap<ServiceProviderId, Peer>>,
}

impl Service<Uri> for DialPeer {
    type Response = <HttpConnector as Service<Uri>>::Response;
    type Error = <HttpConnector as Service<Uri>>::Error;
    type Future = <HttpConnector as Service<Uri>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.http.poll_ready(context)
    }

    fn call(&mut self, peer: Uri) -> Self::Future {
        let address = find(&self.peers, &peer).and_then(|Peer { url: PeerUrl(authority), .. }| {
            let address = Uri::builder().scheme(uri::Scheme::HTTPS).authority(authority.clone()).path_and_query("/");
            address.build().ok()
        });
        // Without an address the connector refuses: there is no host to dial.
        self.http.call(address.unwrap_or_default())
    }
}

/// Sees it when a peer refuses our certificate, however late.
#[derive(Clone)]
struct WatchPeer {
    connector: HttpsConnector<DialPeer>,
    peers: Arc<HashMap<ServiceProviderId, Peer>>,
}

impl Service<Uri> for WatchPeer {
    type Response = Watched<<HttpsConnector<DialPeer> as Service<Uri>>::Response>;
    type Error = <HttpsConnector<DialPeer> as Service<Uri>>::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let refusals = find(&self.peers, &uri).map(|peer| peer.refusals.clone()).unwrap_or_default();
        let connecting = self.connector.call(uri);
        Box::pin(async move { Ok(Watched { stream: connecting.await?, refusals }) })
    }
}

/// The peer that a request's URI names.
fn find<'a>(peers: &'a HashMap<ServiceProviderId, Peer>, uri: &Uri) -> Option<&'a Peer> {
    peers.get(&uri.host()?.parse::<ServiceProviderId>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peer_urls_are_https_and_bare() {
        for url in ["https://hub.example", "https://hub.example/", "https://127.0.0.1:8443", "https://[::1]:8443"] {
            assert!(url.parse::<PeerUrl>().is_ok(), "{url}");
        }
        for url in [
            "http://hub.example",
            "hub.example",
            "https://",
            "https://hub.example/v1",
            "https://hub.example?x",
            "https://user@hub.example",
            "https://hub.example:",
            "https://hub.example:99999",
            "https://hub.example:0",
            "",
        ] {
            assert_eq!(url.parse::<PeerUrl>(), Err(InvalidPeerUrl), "{url}");
        }
    }
}
