//! A wire between two others, with a test in the middle: it has the far end's certificate, ends TLS on both sides, and
//! keeps what goes through as it is.
//!
//! It speaks HTTP/1.1 only. The other versions say the same in fewer bytes, and in how many depends on what was said
//! before.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::pki::Pki;

/// A POST and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Message,
    pub(crate) response: Message,
}

/// What one end has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// The first line and the fields, but for what `Date` says, which always has as many letters.
    pub(crate) head: String,
    pub(crate) content: usize,
}

/// The wire. Its connections end with it.
pub(crate) struct Tap {
    pub(crate) address: SocketAddr,
    heard: Arc<Mutex<Vec<Heard>>>,
    accepting: JoinHandle<()>,
}

/// What was said on one connection, out and back, and how many exchanges of it were told.
#[derive(Default)]
struct Heard {
    ways: [Vec<u8>; 2],
    told: usize,
}

/// Where a wire leads.
#[derive(Clone, Copy)]
pub(crate) struct End<'a> {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    /// Whose certificate is shown to it.
    pub(crate) caller: Option<&'a str>,
}

impl Tap {
    /// Listens in the far end's name.
    pub(crate) async fn start(pki: &Pki, far: End<'_>) -> Self {
        let own = pki.identity(far.name);
        let certificates =
            CertificateDer::pem_slice_iter(own.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let mut server = server.with_no_client_auth().with_single_cert(certificates, key).unwrap();
        server.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let connector = TlsConnector::from(pki.tls(far.caller.map(|id| pki.identity(id)).as_ref()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let (name, to, taken) = (ServerName::try_from(far.name).unwrap(), far.address, heard.clone());
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let (acceptor, connector, name, heard) =
                    (acceptor.clone(), connector.clone(), name.clone(), taken.clone());
                connections.spawn(async move {
                    // Whoever breaks it off is asked by the test, not here.
                    let Ok(near) = acceptor.accept(near).await else { return };
                    let Ok(far) = TcpStream::connect(to).await else { return };
                    let Ok(far) = connector.connect(name, far).await else { return };
                    carry(near, far, &heard).await;
                });
            }
        });
        Self { address, heard, accepting }
    }

    /// The exchanges that were not told before. All of them are over.
    pub(crate) fn fresh(&self) -> Vec<Exchange> {
        let mut heard = self.heard.lock().unwrap();
        let mut fresh = Vec::new();
        for connection in heard.iter_mut() {
            let all = connection.exchanges();
            fresh.extend_from_slice(&all[connection.told..]);
            connection.told = all.len();
        }
        fresh
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Heard {
    /// The POSTs among them. A connection that became a tunnel has none.
    fn exchanges(&self) -> Vec<Exchange> {
        let [out, back] = &self.ways;
        if out.starts_with(b"CONNECT ") {
            return Vec::new();
        }
        let both = messages(out).into_iter().zip(messages(back));
        both.filter(|(request, _)| request.head.starts_with("POST "))
            .map(|(request, response)| Exchange { request, response })
            .collect()
    }
}

/// All whole messages of one end, one behind the other.
fn messages(mut text: &[u8]) -> Vec<Message> {
    let mut messages = Vec::new();
    while let Some(end) = text.windows(4).position(|window| window == b"\r\n\r\n") {
        let head = String::from_utf8(text[..end].to_vec()).unwrap();
        let fields = head.lines().filter_map(|line| line.split_once(": "));
        let content = fields.clone().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        let content = content.map_or(0, |(_, length)| length.parse().unwrap());
        let Some(rest) = text.get(end + 4 + content..) else { break };
        let letters = head.lines().flat_map(|line| match line.split_once(": ") {
            Some((name, _)) if name.eq_ignore_ascii_case("date") => vec![name, "of the moment"],
            _ => vec![line],
        });
        messages.push(Message { head: letters.collect::<Vec<_>>().join("\n"), content });
        text = rest;
    }
    messages
}

async fn carry<N, F>(near: N, far: F, heard: &Mutex<Vec<Heard>>)
where
    N: AsyncRead + AsyncWrite,
    F: AsyncRead + AsyncWrite,
{
    let connection = {
        let mut heard = heard.lock().unwrap();
        heard.push(Heard::default());
        heard.len() - 1
    };
    let keep = |way: usize, bytes: &[u8]| heard.lock().unwrap()[connection].ways[way].extend_from_slice(bytes);
    let ((near_reads, near_writes), (far_reads, far_writes)) = (tokio::io::split(near), tokio::io::split(far));
    tokio::join!(
        copy(near_reads, far_writes, |bytes| keep(0, bytes)),
        copy(far_reads, near_writes, |bytes| keep(1, bytes))
    );
}

/// Keeps a piece before it goes on: whoever has it knows that it was kept.
async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin, keep: impl Fn(&[u8])) {
    let mut piece = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut piece).await {
        keep(&piece[..length]);
        if to.write_all(&piece[..length]).await.is_err() || to.flush().await.is_err() {
            return;
        }
    }
    // The other end is told that there is no more; it may be gone.
    let _ = to.shutdown().await;
}
