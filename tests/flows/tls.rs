//! Who may talk to a provider, and whom a provider talks to, by their certificates.

use std::{io, net::SocketAddr};

use restante::client::{
    Problem, ProblemCode,
    http::{CallError, ChannelError, DeliveryService},
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::{
    line::Line,
    people::Person,
    pki::{Identity, Pki, self_signed},
    process::PATIENCE,
    site::{FOLLOWER, HUB, Provider, Setting, Site},
};

/// How a request of that identity ends.
async fn ask(site: &Site, hub: &Provider, identity: &Identity) -> Result<(), CallError> {
    let client = site.pki.client(identity, HUB, hub.provider);
    let peer = DeliveryService::new(client.peer(&HUB.parse().unwrap()).unwrap());
    peer.read(b"any", 0, 0).await.map(drop)
}

fn is_not_a_peer(result: &Result<(), CallError>) -> bool {
    matches!(result, Err(CallError::Problem(Problem { status: 403, code: Some(ProblemCode::NotAPeer), .. })))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_configured_peers_get_in() {
    let site = Site::new(&["stranger.example"]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    ask(&site, &hub, &site.pki.identity(FOLLOWER)).await.unwrap();
    // The right authority, but no peer; its own name; more than one name; no name that counts.
    for (who, identity) in [
        ("a stranger", site.pki.identity("stranger.example")),
        ("the hub itself", site.pki.identity(HUB)),
        ("two names", site.pki.odd(&[FOLLOWER, "other.example"], |_| {})),
        ("two names, turned round", site.pki.odd(&["other.example", FOLLOWER], |_| {})),
        ("the same name twice", site.pki.odd(&[FOLLOWER, FOLLOWER], |_| {})),
        ("a wildcard", site.pki.odd(&["*.example"], |_| {})),
        ("a common name alone", site.pki.odd(&[], |_| {})),
        ("capital letters", site.pki.odd(&["Follower.example"], |_| {})),
    ] {
        let refused = ask(&site, &hub, &identity).await;
        assert!(is_not_a_peer(&refused), "{who}: {refused:?}");
    }
    // Nobody's certificate, or one that does not hold.
    let elsewhere = Pki::issue(&site.of("elsewhere"), &[FOLLOWER]).await;
    let past = rcgen::date_time_ymd(2020, 1, 1);
    for (who, identity) in [
        ("another authority", elsewhere.identity(FOLLOWER)),
        ("nobody's signature", self_signed(FOLLOWER)),
        ("expired", site.pki.odd(&[FOLLOWER], |params| params.not_after = past)),
        (
            "for servers only",
            site.pki.odd(&[FOLLOWER], |params| {
                params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
            }),
        ),
    ] {
        // TLS 1.3 lets a client finish before it is refused: some alerts arrive behind the handshake, some before it.
        for _again in 0..5 {
            let refused = ask(&site, &hub, &identity).await;
            assert!(matches!(refused, Err(CallError::Channel(ChannelError::Tls))), "{who}: {refused:?}");
        }
    }
    ask(&site, &hub, &site.pki.identity(FOLLOWER)).await.expect("and it still serves");
}

/// TLS without a client's certificate. What comes back, if anything does.
async fn without_certificate(site: &Site, address: SocketAddr) -> io::Result<Vec<u8>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(HUB).unwrap();
    let mut stream = TlsConnector::from(site.pki.tls(None)).connect(name, stream).await?;
    stream.write_all(b"POST /v1/receive HTTP/1.1\r\nhost: hub\r\ncontent-length: 0\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(answer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_certificate_there_is_an_alert_and_nothing_else() {
    let site = Site::new(&[]).await;
    let hub = site.start(&Setting::new(HUB)).await;
    let answer = tokio::time::timeout(PATIENCE, without_certificate(&site, hub.provider)).await.unwrap();
    let error = answer.expect_err("no byte of HTTP");
    assert!(error.to_string().contains("CertificateRequired"), "{error}");
    // Plain HTTP is not spoken at all.
    let mut plain = TcpStream::connect(hub.provider).await.unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The alert, or the end of the connection.
    let _ = tokio::time::timeout(PATIENCE, plain.read_to_end(&mut answer)).await.unwrap();
    assert!(!answer.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&answer));
    ask(&site, &hub, &site.pki.identity(FOLLOWER)).await.expect("and it still serves");
}

/// The other direction: a follower hands its users' messages to nobody but the hub that they are for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_talks_to_nobody_who_only_stands_where_the_hub_should() {
    let site = Site::new(&["impostor.example"]).await;
    let impostor = site.start(&Setting::new("impostor.example")).await;
    let line = Line::new().await;
    line.lead_to(impostor.provider);
    let follower = site.start(&Setting::new(FOLLOWER).peer(HUB, line.address)).await;
    let bob = follower.user("bob");
    let group = b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw";
    for _again in 0..2 {
        match bob.say(group, 0, "for the hub alone").await {
            Err(CallError::Problem(Problem { code: Some(ProblemCode::Unavailable), retry_after, .. })) => {
                assert!(retry_after.is_some());
            }
            other => panic!("{other:?}"),
        }
    }
    // The real one appears at the same place.
    let hub = site.start(&Setting::new(HUB)).await;
    line.lead_to(hub.provider);
    let group = hub.user("alice").found().await;
    bob.say(&group, 0, "for the hub alone").await.unwrap();
}
