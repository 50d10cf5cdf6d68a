//! Bodies that are announced and do not come.

use tokio::io::AsyncWriteExt;

use super::{
    attack::{Held, is_withstood},
    target::{Connection, Target},
};

const CONNECTIONS: usize = 40;

async fn stop_within(target: &Target) -> Held {
    let mut held: Vec<Connection> = Vec::new();
    for connection in 0..CONNECTIONS {
        let mut stream = target.attacker(b"http/1.1").await;
        let media_type = if target.name == "provider" || target.name == "local" {
            "application/vnd.mimi-ds"
        } else {
            "message/ohttp-req"
        };
        // In all that there is, and with no end said.
        let length = if connection % 2 == 0 { "content-length: 20000" } else { "transfer-encoding: chunked" };
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: {media_type}\r\n{length}\r\n\r\n",
            target.path,
            target.host()
        );
        let body = if connection % 2 == 0 { "half of it" } else { "4e20\r\nhalf of it" };
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        held.push(stream);
    }
    Box::new(held)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_never_end() {
    is_withstood("slow bodies", stop_within).await;
}
