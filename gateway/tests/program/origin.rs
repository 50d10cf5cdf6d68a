//! An origin that does what the content of a request says.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{Notify, Semaphore},
    task::JoinSet,
};

/// Answers on loopback until it is dropped.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    _accepting: JoinSet<()>,
}

struct Shared {
    /// Heads and contents, as they came.
    seen: Mutex<Vec<String>>,
    held: Notify,
    release: Semaphore,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { seen: Mutex::default(), held: Notify::new(), release: Semaphore::new(0) });
        let (mut accepting, state) = (JoinSet::new(), Arc::clone(&shared));
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(attend(stream, Arc::clone(&state)));
            }
        });
        Self { address, shared, _accepting: accepting }
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits until a request with the content `hold` is there.
    pub(crate) async fn holds(&self) {
        tokio::time::timeout(crate::process::PATIENCE, self.shared.held.notified()).await.unwrap();
    }

    pub(crate) fn release(&self) {
        self.shared.release.add_permits(1);
    }
}

async fn attend(mut stream: TcpStream, shared: Arc<Shared>) {
    while let Some((request, content)) = read_request(&mut stream).await {
        shared.seen.lock().unwrap().push(request);
        let answer = match content.as_str() {
            "hang" => std::future::pending().await,
            "close" => return,
            "garbage" => b"\x16\x03\x01 this is no HTTP\r\n\r\n".to_vec(),
            "endless" => ok(&vec![b'x'; 2_000_000]),
            "redirect" => b"HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n".to_vec(),
            "hold" => {
                shared.held.notify_one();
                shared.release.acquire().await.unwrap().forget();
                ok(b"held")
            }
            _ => ok(content.as_bytes()),
        };
        if stream.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn ok(content: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nx-origin: 1\r\ncontent-length: {}\r\n\r\n", content.len());
    [head.as_bytes(), content].concat()
}

/// Head and content together, and the content alone.
async fn read_request(stream: &mut TcpStream) -> Option<(String, String)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end + 4]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |length| length.parse().unwrap());
            while bytes.len() < end + 4 + length {
                stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
            }
            let content = String::from_utf8_lossy(&bytes[end + 4..end + 4 + length]).into_owned();
            return Some((format!("{head}{content}"), content));
        }
        stream.read_buf(&mut bytes).await.ok().filter(|read| *read > 0)?;
    }
}
