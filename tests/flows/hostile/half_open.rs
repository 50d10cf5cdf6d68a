//! Connections that say nothing, or of which one half is closed at once.

use tokio::io::AsyncWriteExt;

use super::{
    attack::{Held, is_withstood},
    target::{ATTACKER, Connection, Target},
};

const CONNECTIONS: usize = 15;

async fn open_by_half(target: &Target) -> Held {
    let mut held: Vec<Connection> = Vec::new();
    for _connection in 0..CONNECTIONS {
        held.push(target.bare(ATTACKER).await.unwrap());
        let mut closed = target.bare(ATTACKER).await.unwrap();
        closed.shutdown().await.unwrap();
        held.push(closed);
        // The head of a record, or of a request.
        let mut begun = target.bare(ATTACKER).await.unwrap();
        begun.write_all(&[22, 3, 1, 2]).await.unwrap();
        held.push(begun);
        let mut asked = target.attacker(b"http/1.1").await;
        asked.write_all(target.head("content-length: 0\r\n").as_bytes()).await.unwrap();
        // The answer may be there already, and the end with it.
        let _ = asked.shutdown().await;
        held.push(asked);
    }
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_half_open() {
    is_withstood("half open", open_by_half).await;
}
