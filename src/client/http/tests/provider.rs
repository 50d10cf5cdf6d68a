//! Mutual TLS to other providers.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{StatusCode, Version};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

use super::server::{Arrived, STREAMS_MAX, answer, serve_tls};
use crate::{
    client::http::{
        Channel, ChannelError, ChannelRequest, ChannelResponse, InvalidTls, Limits, Operation, ProviderClient,
        ProviderIdentity,
    },
    wire::{MEDIA_TYPE, ServiceProviderId},
};

pub(crate) struct Authority(pub(crate) CertifiedIssuer<'static, KeyPair>);

pub(crate) struct Issued {
    pub(crate) certificate: rcgen::Certificate,
    pub(crate) key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn issue(&self, names: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &self.0).unwrap();
        Issued { certificate, key }
    }

    fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }
}

pub(crate) fn server_config(authority: &Authority, issued: &Issued, alpn: &[&str]) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let clients =
        WebPkiClientVerifier::builder_with_provider(authority.roots(), Arc::clone(&provider)).build().unwrap();
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(issued.key.serialize_der()));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(clients)
        .with_single_cert(vec![issued.certificate.der().clone()], key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

/// For whatever is not about deadlines: machines that run tests are slow at times.
const PATIENT: Duration = Duration::from_secs(20);

fn hub() -> ServiceProviderId {
    "hub.example".parse().unwrap()
}

fn client(authority: &Authority, issued: &Issued, address: SocketAddr, connect: Duration) -> ProviderClient {
    let limits = Limits { connect, request: PATIENT, response_bytes: 1000 };
    client_of(authority, issued, hub(), address, limits)
}

/// A client whose only peer has that id and address.
pub(crate) fn peer_client(authority: &Authority, issued: &Issued, peer: &str, address: SocketAddr) -> ProviderClient {
    client_of(authority, issued, peer.parse().unwrap(), address, Limits::default())
}

fn client_of(
    authority: &Authority,
    issued: &Issued,
    peer: ServiceProviderId,
    address: SocketAddr,
    limits: Limits,
) -> ProviderClient {
    let (ca, certificates, key) = (authority.0.pem(), issued.certificate.pem(), issued.key.serialize_pem());
    let identity = ProviderIdentity { ca: ca.as_bytes(), certificates: certificates.as_bytes(), key: key.as_bytes() };
    let url = format!("https://{address}").parse().unwrap();
    ProviderClient::new(identity, [(peer, url)], limits).unwrap()
}

async fn echo(arrived: Arrived) -> super::server::Answer {
    let mut echo = answer(StatusCode::IM_A_TEAPOT, MEDIA_TYPE, arrived.body);
    echo.headers_mut().insert("path", arrived.path.parse().unwrap());
    echo.headers_mut().insert("http2", (arrived.version == Version::HTTP_2).to_string().parse().unwrap());
    echo
}

/// One request from follower.example to what calls itself hub.example.
async fn ask(
    ours: &Authority,
    theirs: &Authority,
    server_names: &[&str],
    alpn: &[&str],
) -> Result<ChannelResponse, ChannelError> {
    let address = serve_tls(server_config(theirs, &theirs.issue(server_names), alpn), echo).await;
    let client = client(ours, &ours.issue(&["follower.example"]), address, PATIENT);
    let request = ChannelRequest::new(Operation::Send, Bytes::from_static(b"as it is"));
    client.peer(&hub()).unwrap().post(request).await
}

#[tokio::test]
async fn a_request_passes_unchanged_over_http2_and_http1() {
    let authority = Authority::new();
    for (alpn, http2) in [(&["h2", "http/1.1"][..], "true"), (&["http/1.1"][..], "false"), (&[][..], "false")] {
        let response = ask(&authority, &authority, &["hub.example"], alpn).await.unwrap();
        assert_eq!(response.status, StatusCode::IM_A_TEAPOT);
        assert_eq!(response.headers["path"], "/v1/send");
        assert_eq!(response.headers["http2"], http2);
        assert_eq!(response.body, "as it is");
    }
}

#[tokio::test]
async fn a_server_must_be_the_peer_that_was_dialled_and_nobody_else() {
    let authority = Authority::new();
    let impostors = [
        &["follower.example"][..],
        &["hub.example", "other.example"],
        &["other.example", "hub.example"],
        &["*.example"],
        &["hub.example", "127.0.0.1", "other.example"],
        &["127.0.0.1"],
    ];
    for names in impostors {
        let refused = ask(&authority, &authority, names, &["h2"]).await;
        assert_eq!(refused, Err(ChannelError::Tls), "{names:?}");
    }
    let stranger = Authority::new();
    assert_eq!(ask(&authority, &stranger, &["hub.example"], &["h2"]).await, Err(ChannelError::Tls));
}

/// A server that answers with its name to whoever has a certificate of that authority.
async fn named(authority: &Authority, name: &'static str) -> SocketAddr {
    let config = server_config(authority, &authority.issue(&[name]), &["h2"]);
    serve_tls(config, move |_| async move { answer(StatusCode::OK, MEDIA_TYPE, name) }).await
}

#[tokio::test]
async fn what_is_adopted_is_seen_by_clones_and_not_by_channels_that_were_given_out() {
    let (before, after) = (Authority::new(), Authority::new());
    let (hub_before, hub_after) = (named(&before, "hub.example").await, named(&after, "hub.example").await);
    let third = named(&after, "third.example").await;
    let body = |channel: Option<super::super::PeerChannel>| async move {
        let request = ChannelRequest::new(Operation::Send, Bytes::new());
        channel.expect("a peer").post(request).await.map(|response| response.body)
    };
    let issued = before.issue(&["follower.example"]);
    let client = peer_client(&before, &issued, "hub.example", hub_before);
    let clone = client.clone();
    let given = clone.peer(&hub());
    assert_eq!(body(given.clone()).await.unwrap(), "hub.example");
    assert!(clone.peer(&"third.example".parse().unwrap()).is_none());

    let issued = after.issue(&["follower.example"]);
    client.adopt(&peer_client(&after, &issued, "third.example", third));
    // Authorities, certificates, peers and addresses, all of them.
    assert!(clone.peer(&hub()).is_none());
    assert_eq!(body(clone.peer(&"third.example".parse().unwrap())).await.unwrap(), "third.example");
    assert_eq!(body(given.clone()).await.unwrap(), "hub.example", "what was begun goes on");
    client.adopt(&peer_client(&after, &issued, "hub.example", hub_after));
    assert_eq!(body(clone.peer(&hub())).await.unwrap(), "hub.example");
    assert_eq!(body(given).await.unwrap(), "hub.example");
    client.adopt(&peer_client(&after, &issued, "hub.example", hub_before));
    assert_eq!(body(clone.peer(&hub())).await, Err(ChannelError::Tls), "an authority that is trusted no more");
}

#[tokio::test]
async fn a_client_certificate_of_a_stranger_is_refused_by_the_server() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let address = serve_tls(server_config(&authority, &authority.issue(&["hub.example"]), &["h2"]), echo).await;
    // Trusts the server's authority, but is not known to it.
    let issued = stranger.issue(&["follower.example"]);
    let client = client(&authority, &issued, address, PATIENT);
    let refused = client.peer(&hub()).unwrap().post(ChannelRequest::new(Operation::Send, Bytes::new())).await;
    assert_eq!(refused, Err(ChannelError::Tls));
}

#[tokio::test]
async fn waiting_requests_stand_neither_in_the_way_of_a_send_nor_in_each_others() {
    let authority = Authority::new();
    let waiting = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&waiting);
    let handler = move |arrived: Arrived| {
        let count = Arc::clone(&count);
        async move {
            if arrived.path == "/v1/receive" {
                count.fetch_add(1, Ordering::Relaxed);
                std::future::pending::<()>().await;
            }
            answer(StatusCode::OK, MEDIA_TYPE, arrived.body)
        }
    };
    let address = serve_tls(server_config(&authority, &authority.issue(&["hub.example"]), &["h2"]), handler).await;
    let client = client(&authority, &authority.issue(&["follower.example"]), address, PATIENT);
    let peer = client.peer(&hub()).unwrap();
    for _waiter in 0..3 * STREAMS_MAX {
        let wait = Duration::from_secs(50);
        let request = ChannelRequest { wait, ..ChannelRequest::new(Operation::Receive, Bytes::new()) };
        let peer = peer.clone();
        tokio::spawn(async move { peer.post(request).await });
    }
    let all_wait = async {
        while waiting.load(Ordering::Relaxed) < 3 * STREAMS_MAX {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENT, all_wait).await.unwrap();
    assert!(peer.post(ChannelRequest::new(Operation::Send, Bytes::new())).await.is_ok());
}

#[tokio::test]
async fn peers_that_do_not_answer_or_do_not_exist() {
    let authority = Authority::new();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (issued, address) = (authority.issue(&["follower.example"]), silent.local_addr().unwrap());
    let client = client(&authority, &issued, address, Duration::from_millis(300));
    assert!(client.peer(&"other.example".parse().unwrap()).is_none());
    let peer = client.peer(&hub()).unwrap();
    let request = || ChannelRequest::new(Operation::Send, Bytes::new());
    // TCP connects, TLS never answers.
    assert_eq!(peer.post(request()).await, Err(ChannelError::Connect));
    drop(silent);
    assert_eq!(peer.post(request()).await, Err(ChannelError::Connect));
    let shown = format!("{client:?} {peer:?}");
    assert!(!shown.contains("hub") && !shown.contains("127.0.0.1"), "{shown}");
}

#[test]
fn unusable_identities_are_told_apart() {
    let authority = Authority::new();
    let (issued, other) = (authority.issue(&["hub.example"]), authority.issue(&["hub.example"]));
    let (ca, certificates, key) = (authority.0.pem(), issued.certificate.pem(), issued.key.serialize_pem());
    let good = ProviderIdentity { ca: ca.as_bytes(), certificates: certificates.as_bytes(), key: key.as_bytes() };
    let new = |identity| ProviderClient::new(identity, [], Limits::default()).map(drop);
    assert_eq!(new(good), Ok(()));
    assert_eq!(new(ProviderIdentity { ca: b"", ..good }), Err(InvalidTls::Ca));
    assert_eq!(new(ProviderIdentity { ca: b"-----BEGIN CERTIFICATE-----\n", ..good }), Err(InvalidTls::Ca));
    assert_eq!(new(ProviderIdentity { certificates: b"", ..good }), Err(InvalidTls::Certificate));
    assert_eq!(new(ProviderIdentity { key: b"", ..good }), Err(InvalidTls::Key));
    let key = other.key.serialize_pem();
    assert_eq!(new(ProviderIdentity { key: key.as_bytes(), ..good }), Err(InvalidTls::KeyMismatch));
}
