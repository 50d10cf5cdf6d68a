//! Heads that come a byte at a time, and never end (slowloris), over both protocols.

use tokio::io::AsyncWriteExt;

use super::{
    attack::{Held, is_withstood},
    frames::PREFACE,
    target::{Connection, Target},
};

/// Of each protocol.
const CONNECTIONS: usize = 25;

async fn trickle(target: &Target) -> Held {
    let mut held: Vec<Connection> = Vec::new();
    for _connection in 0..CONNECTIONS {
        for (alpn, beginning) in [(&b"http/1.1"[..], &b"GET / HTTP/1.1\r\nhost: x\r\nx: "[..]), (b"h2", &PREFACE[..20])]
        {
            let mut stream = target.attacker(alpn).await;
            for byte in beginning {
                stream.write_all(&[*byte]).await.unwrap();
            }
            stream.flush().await.unwrap();
            held.push(stream);
        }
    }
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_never_end() {
    is_withstood("slow heads", trickle).await;
}
