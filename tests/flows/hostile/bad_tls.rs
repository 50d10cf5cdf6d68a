//! What is no TLS, or breaks off in the middle of it; and to those who speak none, what is no HTTP.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    attack::{Held, is_withstood},
    target::{ATTACKER, Target},
};
use crate::process::PATIENCE;

async fn speak_nonsense(target: &Target) -> Held {
    let long = vec![0xff; 70_000];
    // A record of a ClientHello that is none, one that is longer than records are, another version, HTTP in clear, noise.
    let nonsense: [&[u8]; 6] = [
        &[22, 3, 1, 0, 5, 1, 0, 0, 1, 0],
        &[22, 3, 3, 0xff, 0xff, 1, 2, 3],
        &[22, 9, 9, 0, 1, 1],
        b"GET / HTTP/1.0\r\n\r\n",
        &[0x80, 0x2e, 0x01, 0x00, 0x02],
        &long,
    ];
    for _again in 0..10 {
        for bytes in nonsense {
            let mut stream = target.bare(ATTACKER).await.unwrap();
            // Whatever is said back, and however it ends, it ends.
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
            let end = timeout(PATIENCE, stream.read_to_end(&mut Vec::new())).await;
            assert!(end.is_ok(), "[{}] ends the connection", target.name);
        }
    }
    Box::new(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_tls() {
    is_withstood("bad TLS", speak_nonsense).await;
}
