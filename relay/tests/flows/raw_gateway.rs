//! A gateway that writes down every byte that comes out of TLS, and answers with prepared bytes. HTTP/1.1.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{gateway::FOLLOWER, pki::Pki, process::PATIENCE};

/// The gateway; it ends with this.
pub(crate) struct RawGateway {
    pub(crate) address: SocketAddr,
    /// One for each request, whole.
    requests: watch::Receiver<Vec<Vec<u8>>>,
    task: JoinHandle<()>,
}

impl RawGateway {
    /// Answers each request with these bytes, and closes the connection if they are none.
    pub(crate) async fn start(pki: &Pki, answer: &'static [u8]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(pki.server(FOLLOWER, &[b"http/1.1"]));
        let (sender, requests) = watch::channel(Vec::new());
        let sender = Arc::new(sender);
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, sender) = (acceptor.clone(), sender.clone());
                tokio::spawn(async move {
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    let mut bytes = Vec::new();
                    loop {
                        while let Some(length) = whole(&bytes) {
                            let request: Vec<u8> = bytes.drain(..length).collect();
                            sender.send_modify(|requests| requests.push(request));
                            if answer.is_empty() || stream.write_all(answer).await.is_err() {
                                return;
                            }
                        }
                        if !matches!(stream.read_buf(&mut bytes).await, Ok(1..)) {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests, task }
    }

    /// The requests with content, as soon as there are so many.
    pub(crate) async fn posts(&self, count: usize) -> Vec<Vec<u8>> {
        let mut requests = self.requests.clone();
        let posts =
            |all: &Vec<Vec<u8>>| all.iter().filter(|bytes| bytes.starts_with(b"POST")).cloned().collect::<Vec<_>>();
        let enough = requests.wait_for(|all| posts(all).len() >= count);
        posts(&tokio::time::timeout(PATIENCE, enough).await.expect("they arrive").unwrap())
    }
}

impl Drop for RawGateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The length of a request at the head of the bytes, once it is all there.
fn whole(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap().to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = head + length.map_or(0, |length| length.trim().parse().unwrap());
    (bytes.len() >= length).then_some(length)
}
