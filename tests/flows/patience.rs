//! How long a process bears with connections that say nothing, or too little.

use std::time::Duration;

use http::Method;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    listeners::{self, Listener},
    process::PATIENCE,
    site::{FOLLOWER, HUB, Setting, Site, token_of},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_listener_ends_slow_and_silent_connections_and_no_others() {
    let site = Site::new(&[]).await;
    let own = format!("../pki/{HUB}");
    let more = format!(
        "[limits]\n{}[public]\nlisten = \"127.0.0.1:0\"\ncert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\n\
         keys_path = \"gateway-keys\"\nseal_key_file = \"gateway-seal-key\"\n",
        listeners::LIMITS
    );
    let setting = Setting { more, ..Setting::new(HUB) };
    let mut process = site.spawn("", &setting);
    let provider = process.listening_tcp("provider").await;
    let public = process.listening_tcp("public").await;
    let local = process.listening_tcp("local").await;
    let tls = |identity| Some((site.pki.tls(identity), HUB));
    let peer = site.pki.identity(FOLLOWER);
    let listeners = [
        // Refused with a problem document: what is asked is not the point.
        ("provider", Listener { address: provider, tls: tls(Some(&peer)), method: Method::POST, path: "/v1/receive" }),
        (
            "public",
            Listener { address: public, tls: tls(None), method: Method::GET, path: "/.well-known/ohttp-gateway" },
        ),
        ("local", Listener { address: local, tls: None, method: Method::GET, path: "/healthz" }),
    ];
    listeners::are_patient_within_limits(&listeners).await;
    listeners::assert_reasons(&process.logged(), listeners.len());
}

/// A request whose head is in order and whose body stops: it is answered when its time is over, and the connection ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_stop_are_given_up_on_each_listener() {
    let site = Site::new(&[]).await;
    let own = format!("../pki/{HUB}");
    let more = format!(
        "[limits]\nrequest_body_timeout_seconds = 2\n[public]\nlisten = \"127.0.0.1:0\"\n\
         cert_file = \"{own}/cert.pem\"\nkey_file = \"{own}/key.pem\"\nkeys_path = \"gateway-keys\"\n\
         seal_key_file = \"gateway-seal-key\"\n"
    );
    let mut process = site.spawn("", &Setting { more, ..Setting::new(HUB) });
    let provider = process.listening_tcp("provider").await;
    let public = process.listening_tcp("public").await;
    let local = process.listening_tcp("local").await;
    let tls = |identity| Some((site.pki.tls(identity), HUB));
    let peer = site.pki.identity(FOLLOWER);
    let ds = "content-type: application/vnd.mimi-ds\r\n";
    let of_service = format!("authorization: Bearer {}\r\nds-user: :YWxpY2U=:\r\n{ds}", token_of(HUB));
    let seconds = Duration::from_secs;
    // The gateway of `restante serve` has its own limit, the library's.
    let cases = [
        ("provider", provider, tls(Some(&peer)), "/v1/send", ds.to_owned(), seconds(2), "503"),
        ("local", local, None, "/v1/send", of_service, seconds(2), "503"),
        (
            "public",
            public,
            tls(None),
            "/.well-known/ohttp-gateway",
            "content-type: message/ohttp-req\r\n".to_owned(),
            seconds(10),
            "408",
        ),
    ];
    let mut ends = tokio::task::JoinSet::new();
    for (name, address, tls, path, fields, limit, status) in cases {
        let listener = Listener { address, tls, method: Method::POST, path };
        let request = format!("POST {path} HTTP/1.1\r\nhost: {HUB}\r\n{fields}content-length: 1000\r\n\r\nhalf of it");
        ends.spawn(async move {
            let mut stream = listener.stream(b"http/1.1").await;
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
            let (began, mut line) = (tokio::time::Instant::now(), [0; 12]);
            let answered = tokio::time::timeout(PATIENCE, stream.read_exact(&mut line)).await;
            let took = began.elapsed();
            answered.expect("an answer in time").unwrap();
            assert_eq!(String::from_utf8_lossy(&line), format!("HTTP/1.1 {status}"), "[{name}]");
            // Over HTTP/1.1 the rest of a refused body is waited for first, five seconds at most.
            assert!((limit..limit + seconds(5 + 4)).contains(&took), "[{name}] {took:?}");
            // The end may be abrupt: the client has not said all that it announced.
            let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await.expect("an end in time");
        });
    }
    ends.join_all().await;
}

/// Connections are bounded: more of them wait until one is closed, and nobody is turned away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_are_bounded() {
    let site = Site::new(&[]).await;
    let more = "[limits]\nconnections_max = 2\nheader_read_timeout_seconds = 600\n".to_owned();
    let hub = site.start(&Setting { more, ..Setting::new(HUB) }).await;
    let request = format!(
        "POST /v1/local/mint-group-id HTTP/1.1\r\nhost: hub\r\nauthorization: Bearer {}\r\nds-user: :YWxpY2U=:\r\n\
         content-type: application/vnd.mimi-ds\r\ncontent-length: 0\r\n\r\n",
        token_of(HUB)
    );
    let mut held = Vec::new();
    for _held in 0..2 {
        let mut stream = TcpStream::connect(hub.local_tcp()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = [0; 12];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("an answer in time").unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
        held.push(stream);
    }
    let mut third = TcpStream::connect(hub.local_tcp()).await.unwrap();
    third.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    let early = tokio::time::timeout(Duration::from_millis(500), third.read_exact(&mut answer)).await;
    assert!(early.is_err(), "there is no place for it yet");
    held.pop();
    tokio::time::timeout(PATIENCE, third.read_exact(&mut answer)).await.expect("its turn").unwrap();
    assert_eq!(&answer, b"HTTP/1.1 200");
}
