//! An origin that does what the content of a request says.

use std::{
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex, OnceLock},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

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
    tls: OnceLock<TlsAcceptor>,
}

impl Origin {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            held: Notify::new(),
            release: Semaphore::new(0),
            tls: OnceLock::new(),
        });
        let (mut accepting, state) = (JoinSet::new(), Arc::clone(&shared));
        accepting.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&state);
                connections.spawn(async move {
                    match state.tls.get() {
                        None => attend(stream, &state).await,
                        // Whoever does not trust the certificate goes away.
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                attend(stream, &state).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, shared, _accepting: accepting }
    }

    /// From here on it speaks TLS, as `localhost`.
    pub(crate) fn secure(&self, pki: &Path) {
        let cert = CertificateDer::from_pem_file(pki.join("localhost.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(pki.join("localhost-key.pem")).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth().with_single_cert(vec![cert], key).unwrap();
        assert!(self.shared.tls.set(Arc::new(config).into()).is_ok());
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

async fn attend(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) {
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
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String)> {
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
