//! How long a process bears with connections that say nothing, or too little.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::{
    people::Person,
    process::PATIENCE,
    site::{HUB, Setting, Site, token_of},
};

/// Whether the other side closes the connection in time; what it said first.
async fn closed(stream: &mut TcpStream) -> String {
    let mut said = Vec::new();
    // An abrupt end is an end as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the connection is closed");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_ask_nothing_are_closed() {
    let site = Site::new(&[]).await;
    let setting = Setting { more: "[limits]\nheader_read_timeout_seconds = 1\n".to_owned(), ..Setting::new(HUB) };
    let hub = site.start(&setting).await;
    let began = tokio::time::Instant::now();
    let mut silent = TcpStream::connect(hub.local_tcp()).await.unwrap();
    let mut slow = TcpStream::connect(hub.local_tcp()).await.unwrap();
    slow.write_all(b"POST /v1/receive HTTP/1.1\r\nhost:").await.unwrap();
    let mut undecided = TcpStream::connect(hub.local_tcp()).await.unwrap();
    undecided.write_all(b"PRI * HTTP/2.0\r\n").await.unwrap();
    let mut idle = TcpStream::connect(hub.local_tcp()).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: hub\r\n\r\n").await.unwrap();
    let mut no_handshake = TcpStream::connect(hub.provider).await.unwrap();
    assert_eq!(closed(&mut no_handshake).await, "");
    let said = closed(&mut slow).await;
    assert!(said.is_empty() || said.contains("408"), "{said}");
    assert_eq!(closed(&mut silent).await, "");
    assert_eq!(closed(&mut undecided).await, "");
    assert!(closed(&mut idle).await.ends_with("ok\n"));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    hub.user("alice").found().await;
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
