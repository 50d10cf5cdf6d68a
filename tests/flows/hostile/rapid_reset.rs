//! Streams that are opened and reset at once, again and again (CVE-2023-44487): the connection is ended.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    attack::{Held, is_withstood},
    frames::{CANCEL, END_HEADERS, END_STREAM, HEADERS, RST_STREAM, beginning, frame, request, streams},
    target::Target,
};
use crate::process::PATIENCE;

const CONNECTIONS: usize = 5;
const STREAMS: usize = 5000;

async fn reset(target: &Target) -> Held {
    for _connection in 0..CONNECTIONS {
        let stream = target.attacker(b"h2").await;
        let (mut reads, mut writes) = tokio::io::split(stream);
        let mut bytes = beginning();
        for number in streams().take(STREAMS) {
            bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, number, &request(target)));
            bytes.extend(frame(RST_STREAM, 0, number, &CANCEL));
        }
        let mut said = Vec::new();
        let ended = async {
            // The end comes while there is still something to send.
            tokio::join!(writes.write_all(&bytes), reads.read_to_end(&mut said))
        };
        let waited = timeout(PATIENCE, ended).await;
        assert!(waited.is_ok(), "[{}] ends the connection", target.name);
    }
    Box::new(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_reset_at_once() {
    is_withstood("rapid reset", reset).await;
}
