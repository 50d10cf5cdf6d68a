//! More streams than a connection may have, none of which ends.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

use super::{
    attack::{Held, is_withstood},
    frames::{END_HEADERS, HEADERS, RST_STREAM, beginning, frame, request, streams},
    target::Target,
};
use crate::process::PATIENCE;

const CONNECTIONS: usize = 5;
/// More than any listener allows.
const STREAMS: usize = 1500;

async fn open_streams(target: &Target) -> Held {
    let mut held = Vec::new();
    for _connection in 0..CONNECTIONS {
        let stream = target.attacker(b"h2").await;
        let (mut reads, mut writes) = tokio::io::split(stream);
        let mut bytes = beginning();
        for number in streams().take(STREAMS) {
            bytes.extend(frame(HEADERS, END_HEADERS, number, &request(target)));
        }
        let refused = async {
            loop {
                let mut head = [0; 9];
                // Its end is a refusal as well.
                if reads.read_exact(&mut head).await.is_err() {
                    break;
                }
                let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
                let mut payload = vec![0; length as usize];
                if reads.read_exact(&mut payload).await.is_err() || head[3] == RST_STREAM {
                    break;
                }
            }
        };
        let told = timeout(PATIENCE, async { tokio::join!(writes.write_all(&bytes), refused) }).await;
        assert!(told.is_ok(), "[{}] refuses some of them", target.name);
        held.push((reads, writes));
    }
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_too_many() {
    is_withstood("too many streams", open_streams).await;
}
