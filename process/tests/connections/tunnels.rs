//! CONNECT, over both protocols.

use http::Request;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::{
    client::{Protocol, ask, connect, name_on},
    listener::Listener,
};

async fn tunnel(listener: &Listener, protocol: Protocol) -> TokioIo<hyper::upgrade::Upgraded> {
    let request = Request::connect("follower.example:443").body(Empty::new()).unwrap();
    let answer = ask(connect(listener.address).await, protocol, request).await.unwrap();
    assert_eq!(answer.status(), 200);
    TokioIo::new(hyper::upgrade::on(answer).await.unwrap())
}

#[tokio::test]
async fn a_connect_becomes_a_stream_of_bytes() {
    let listener = Listener::start(None, 10).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut stream = tunnel(&listener, protocol).await;
        for word in ["one", "another"] {
            stream.write_all(word.as_bytes()).await.unwrap();
            let mut echo = vec![0; word.len()];
            stream.read_exact(&mut echo).await.unwrap();
            assert_eq!(echo, word.as_bytes(), "{protocol:?}");
        }
        stream.shutdown().await.unwrap();
        assert_eq!(stream.read(&mut [0; 1]).await.unwrap(), 0, "{protocol:?}");
    }
    listener.stop().await;
}

/// A tunnel is a connection: it counts as long as it is open.
#[tokio::test]
async fn a_tunnel_keeps_its_place() {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let listener = Listener::start(None, 1).await;
        let mut stream = tunnel(&listener, protocol).await;
        let next = tokio::spawn(name_on(connect(listener.address).await));
        // As long as the tunnel carries something, nobody else is let in.
        for _ in 0..50 {
            stream.write_all(b"x").await.unwrap();
            stream.read_exact(&mut [0; 1]).await.unwrap();
            assert!(!next.is_finished(), "{protocol:?}");
        }
        drop(stream);
        assert_eq!(next.await.unwrap().unwrap(), "nobody", "{protocol:?}");
        listener.stop().await;
    }
}
