//! The service behind a gateway that stands alone: it counts what reaches it.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";

/// By content: how often it came.
type Arrived = Arc<Mutex<HashMap<String, u32>>>;

/// Answers on loopback until it is dropped.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    arrived: Arrived,
    _accepting: JoinSet<()>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arrived::default();
        let (mut accepting, counted) = (JoinSet::new(), arrived.clone());
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(attend(stream, counted.clone()));
            }
        });
        Self { address, arrived, _accepting: accepting }
    }

    /// How often a content came.
    pub(crate) fn arrivals(&self, content: &str) -> u32 {
        self.arrived.lock().unwrap().get(content).copied().unwrap_or(0)
    }
}

async fn attend(mut stream: TcpStream, arrived: Arrived) {
    while let Some(content) = next_content(&mut stream).await {
        *arrived.lock().unwrap().entry(content).or_default() += 1;
        if stream.write_all(ANSWER).await.is_err() {
            return;
        }
    }
}

/// The content of the next request; nothing at the end of the connection.
async fn next_content(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + length {
                return Some(String::from_utf8_lossy(&bytes[end..end + length]).into_owned());
            }
        }
        stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
    }
}
