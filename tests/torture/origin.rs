//! The service behind a gateway that stands alone: it tells what reaches it, and answers.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";

/// Is told the content of each request.
type Arrive = Arc<dyn Fn(&str) + Send + Sync>;

/// Answers on loopback until it is dropped.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    _accepting: JoinSet<()>,
}

impl Origin {
    pub(crate) async fn start(arrive: impl Fn(&str) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mut accepting, arrive): (_, Arrive) = (JoinSet::new(), Arc::new(arrive));
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                // Those that have ended are kept by nobody.
                while connections.try_join_next().is_some() {}
                connections.spawn(attend(stream, arrive.clone()));
            }
        });
        Self { address, _accepting: accepting }
    }
}

async fn attend(mut stream: TcpStream, arrive: Arrive) {
    while let Some(content) = next_content(&mut stream).await {
        arrive(&content);
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
