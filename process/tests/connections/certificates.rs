//! What is asked of clients' certificates, and what becomes of them.

use restante_process::{Clients, Tls};
use rustls::ClientConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    client::{connect_tls, name_on},
    listener::Listener,
    pki::Pki,
};

/// The name under which a client is known; `None` if it is not served.
async fn name_of(listener: &Listener, tls: ClientConfig) -> Option<String> {
    // Under TLS 1.3 a client hears only after its own handshake that its certificate was refused.
    let stream = connect_tls(listener.address, tls).await.ok()?;
    name_on(stream).await.ok()
}

async fn names(clients: impl Fn(&Pki) -> Tls) -> [Option<String>; 3] {
    let pki = Pki::new();
    let listener = Listener::start(Some(clients(&pki)), 10).await;
    let names = [
        name_of(&listener, pki.anonymous()).await,
        name_of(&listener, pki.named("relay.example")).await,
        name_of(&listener, pki.stranger("relay.example")).await,
    ];
    listener.stop().await;
    names
}

fn some(name: &str) -> Option<String> {
    Some(name.to_owned())
}

#[tokio::test]
async fn a_required_certificate_is_required() {
    let names =
        names(|pki| Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Required(&pki.ca_file())).unwrap()).await;
    assert_eq!(names, [None, some("relay.example"), None]);
}

#[tokio::test]
async fn a_client_may_be_known_and_need_not_but_never_under_a_wrong_name() {
    let names =
        names(|pki| Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Known(&pki.ca_file())).unwrap()).await;
    assert_eq!(names, [some("nobody"), some("relay.example"), None]);
}

#[tokio::test]
async fn where_no_certificate_is_asked_for_nobody_is_known() {
    let names = names(|pki| Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Unknown).unwrap()).await;
    assert_eq!(names, [some("nobody"), some("nobody"), some("nobody")]);
}

/// The alert reaches a client that has sent its first request before it hears of it, and more than it may.
#[tokio::test]
async fn whoever_is_refused_learns_why() {
    let pki = Pki::new();
    let tls = Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Required(&pki.ca_file())).unwrap();
    let listener = Listener::start(Some(tls), 10).await;
    for _again in 0..20 {
        let mut stream = connect_tls(listener.address, pki.anonymous()).await.unwrap();
        stream.write_all(&[b'x'; 10_000]).await.unwrap();
        let error = stream.read(&mut [0]).await.unwrap_err();
        assert!(error.to_string().contains("CertificateRequired"), "{error}");
    }
    listener.stop().await;
}

#[tokio::test]
async fn certificates_are_read_again_for_new_connections_only() {
    let pki = Pki::new();
    let tls = Tls::read(&pki.cert_file(), &pki.key_file(), Clients::Unknown).unwrap();
    let listener = Listener::start(Some(tls.clone()), 10).await;
    let shown = async || {
        let stream = connect_tls(listener.address, pki.anonymous()).await.unwrap();
        let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
        (stream, leaf)
    };
    let (before, old) = shown().await;
    let new = pki.renew_server();
    assert_ne!(old, new);
    tls.replace(&pki.cert_file(), &pki.key_file(), Clients::Unknown).unwrap();
    assert_eq!(shown().await.1, new);
    // Files that cannot be used change nothing.
    std::fs::write(pki.key_file(), "no key").unwrap();
    assert!(tls.replace(&pki.cert_file(), &pki.key_file(), Clients::Unknown).is_err());
    assert_eq!(shown().await.1, new);
    assert_eq!(name_on(before).await.unwrap(), "nobody");
    listener.stop().await;
}
