//! Requests one behind the other, and nobody who reads the answers.

use std::time::Duration;

use tokio::{io::AsyncWriteExt, time::timeout};

use super::{
    attack::{Held, is_withstood},
    frames::{END_HEADERS, END_STREAM, HEADERS, PREFACE, SETTINGS, frame, request, streams},
    target::{Connection, Target},
};

const CONNECTIONS: usize = 12;
/// At most so much is asked on each connection.
const ASKED_BYTES: usize = 2 * 1024 * 1024;
/// When no more is taken for so long, the listener reads no more.
const STUCK: Duration = Duration::from_millis(200);

/// Sends until the listener takes no more.
async fn fill(stream: &mut Connection, bytes: &[u8]) {
    let mut asked = 0;
    while asked < ASKED_BYTES {
        match timeout(STUCK, stream.write_all(bytes)).await {
            Ok(Ok(())) => asked += bytes.len(),
            // It has ended the connection, or waits for us.
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

async fn ask_and_not_read(target: &Target) -> Held {
    let mut held: Vec<Connection> = Vec::new();
    for _connection in 0..CONNECTIONS {
        let mut stream = target.attacker(b"http/1.1").await;
        fill(&mut stream, target.head("content-length: 0\r\n").repeat(50).as_bytes()).await;
        held.push(stream);
        let mut stream = target.attacker(b"h2").await;
        // INITIAL_WINDOW_SIZE of none: there is no room for an answer.
        let mut asked = [PREFACE, &frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0])].concat();
        for number in streams().take(90) {
            asked.extend(frame(HEADERS, END_HEADERS | END_STREAM, number, &request(target)));
        }
        let _ = timeout(STUCK, stream.write_all(&asked)).await;
        held.push(stream);
    }
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_nobody_reads() {
    is_withstood("never reading", ask_and_not_read).await;
}
