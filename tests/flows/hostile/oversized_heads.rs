//! Heads that are too long, over both protocols, and in frames that never say that they end (CVE-2024-27316).

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    attack::{Held, is_withstood},
    frames::{CONTINUATION, HEADERS, beginning, frame, request},
    target::{Connection, Target},
};
use crate::process::PATIENCE;

const HEAD_BYTES: usize = 4 * 1024 * 1024;

/// Sends all of it if the listener lets it, and waits for the end: what it said.
async fn is_ended(target: &Target, stream: Connection, bytes: &[u8]) -> Vec<u8> {
    let (mut reads, mut writes) = tokio::io::split(stream);
    let mut said = Vec::new();
    let ended = async {
        let _ = tokio::join!(writes.write_all(bytes), reads.read_to_end(&mut said));
    };
    timeout(PATIENCE, ended).await.unwrap_or_else(|_| panic!("[{}] ends the connection", target.name));
    said
}

async fn send_long_heads(target: &Target) -> Held {
    let line = format!("x: {}\r\n", "y".repeat(1000));
    let head = format!("GET / HTTP/1.1\r\nhost: x\r\n{}", line.repeat(HEAD_BYTES / line.len()));
    let said = is_ended(target, target.attacker(b"http/1.1").await, head.as_bytes()).await;
    // An abrupt end may be all that is seen of it.
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&said));

    // A literal that is never indexed, of a kilobyte, and again.
    let mut field = vec![0x10, 1, b'x', 0x7f, 0xe9, 0x06];
    field.extend(vec![b'y'; 1000]);
    let mut bytes = [beginning(), frame(HEADERS, 0, 1, &request(target))].concat();
    while bytes.len() < HEAD_BYTES {
        bytes.extend(frame(CONTINUATION, 0, 1, &field.repeat(16)));
    }
    is_ended(target, target.attacker(b"h2").await, &bytes).await;
    Box::new(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn heads_that_are_too_long() {
    is_withstood("oversized heads", send_long_heads).await;
}
