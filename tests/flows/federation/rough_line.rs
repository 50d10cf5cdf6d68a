//! A line from one provider to another on which exchanges go wrong.
//!
//! It has both providers' certificates and ends TLS on both sides, with client certificates on both, so that it sees
//! where requests and answers begin: what it breaks, it breaks at a chosen point of a chosen exchange. A connection that
//! breaks takes with it all that is under way on it, as connections do.

use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::{
    fault::{Deck, Fault},
    frame::{Frame, PREFACE_BYTES},
};
use crate::pki::Pki;

const HTTP2: &[u8] = b"h2";
/// No exchange that somebody waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(40);
/// More than any test says over one line.
const KEPT_MAX: usize = 16 * 1024 * 1024;

/// The line. Its connections break when it is dropped.
pub(super) struct RoughLine {
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What a line has seen and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Happened {
    /// Requests that came, whatever became of them.
    pub(super) requests: usize,
    pub(super) requests_lost: usize,
    pub(super) interrupted: usize,
    pub(super) answers_lost: usize,
    pub(super) delayed: usize,
}

impl Happened {
    /// Whether each kind of fault has struck.
    pub(super) fn is_rough(self) -> bool {
        self.requests_lost > 0 && self.interrupted > 0 && self.answers_lost > 0 && self.delayed > 0
    }
}

struct Shared {
    destination: Mutex<Option<SocketAddr>>,
    deck: Mutex<Deck>,
    happened: watch::Sender<Happened>,
    /// Contents of requests, those that were lost left out.
    contents: Mutex<Vec<u8>>,
}

impl RoughLine {
    /// A line between these two, which leads nowhere yet: connections are accepted and closed.
    pub(super) async fn new(pki: &Pki, from: &str, to: &'static str, deck: Deck) -> Self {
        let acceptor = acceptor(pki, to);
        let mut client = pki.tls(Some(&pki.identity(from))).as_ref().clone();
        client.alpn_protocols = vec![HTTP2.to_vec()];
        let connector = TlsConnector::from(Arc::new(client));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            destination: Mutex::default(),
            deck: Mutex::new(deck),
            happened: watch::Sender::default(),
            contents: Mutex::default(),
        });
        let accepting = tokio::spawn(accept(listener, (acceptor, connector), to, shared.clone()));
        Self { address, shared, accepting }
    }

    /// Where it leads from now on; connections that exist stay.
    pub(super) fn lead_to(&self, destination: SocketAddr) {
        *self.shared.destination.lock().unwrap() = Some(destination);
    }

    /// Connections are accepted and closed from now on; those that exist stay.
    pub(super) fn lead_nowhere(&self) {
        *self.shared.destination.lock().unwrap() = None;
    }

    /// The fates of the next exchanges.
    pub(super) fn deal(&self, deck: Deck) {
        *self.shared.deck.lock().unwrap() = deck;
    }

    pub(super) fn happened(&self) -> Happened {
        *self.shared.happened.borrow()
    }

    /// Whether these bytes stood in the content of a request that was passed on.
    pub(super) fn has_carried(&self, needle: &[u8]) -> bool {
        self.shared.contents.lock().unwrap().windows(needle.len()).any(|window| window == needle)
    }

    /// Returns when these bytes have stood in the content of a request.
    pub(super) async fn carries(&self, needle: &[u8]) {
        let mut happened = self.shared.happened.subscribe();
        let carried = happened.wait_for(|_| self.has_carried(needle));
        let carried = tokio::time::timeout(PATIENCE, carried).await;
        carried.unwrap_or_else(|_| panic!("it does not come: {:?}", self.happened())).expect("the line is there");
    }
}

impl Drop for RoughLine {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Shared {
    fn count(&self, count: impl FnOnce(&mut Happened)) {
        self.happened.send_modify(count);
    }

    fn keep(&self, content: &[u8]) {
        let mut contents = self.contents.lock().unwrap();
        assert!(contents.len() + content.len() <= KEPT_MAX, "nobody says so much");
        contents.extend_from_slice(content);
        drop(contents);
        self.count(|_| {});
    }
}

/// Answers in the name of `to`, to those who have a certificate.
fn acceptor(pki: &Pki, to: &str) -> TlsAcceptor {
    let own = pki.identity(to);
    let certificates = CertificateDer::pem_slice_iter(own.certificate.as_bytes()).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(own.key.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.authority()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let mut config = config.with_client_cert_verifier(clients).with_single_cert(certificates, key).unwrap();
    config.alpn_protocols = vec![HTTP2.to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

async fn accept(
    listener: TcpListener,
    (acceptor, connector): (TlsAcceptor, TlsConnector),
    to: &'static str,
    shared: Arc<Shared>,
) {
    let mut connections = JoinSet::new();
    let name = ServerName::try_from(to).unwrap();
    while let Ok((near, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        let destination = *shared.destination.lock().unwrap();
        let Some(destination) = destination else { continue };
        let (acceptor, connector, name, shared) = (acceptor.clone(), connector.clone(), name.clone(), shared.clone());
        // However a connection ends, both ends see that it has.
        connections.spawn(async move {
            let far = TcpStream::connect(destination).await?;
            far.set_nodelay(true)?;
            near.set_nodelay(true)?;
            let near = acceptor.accept(near).await?;
            let far = connector.connect(name, far).await?;
            carry(near, far, &shared).await
        });
    }
}

/// Passes on until one side ends, or a fault ends both.
async fn carry(near: impl AsyncRead + AsyncWrite, far: impl AsyncRead + AsyncWrite, shared: &Shared) -> io::Result<()> {
    let ((near_reads, near_writes), (far_reads, far_writes)) = (split(near), split(far));
    let doomed = Mutex::new(HashMap::new());
    let ended = tokio::select! {
        ended = carry_requests(near_reads, far_writes, shared, &doomed) => ended,
        ended = carry_answers(far_reads, near_writes, shared, &doomed) => ended,
    };
    let mut deck = shared.deck.lock().unwrap();
    doomed.into_inner().unwrap().into_values().for_each(|fault| deck.take_back(fault));
    ended
}

/// Exchanges under way whose connection is going to break, and when.
type Doomed = Mutex<HashMap<u32, Fault>>;

async fn carry_requests(
    mut near: impl AsyncRead + Unpin,
    mut far: impl AsyncWrite + Unpin,
    shared: &Shared,
    doomed: &Doomed,
) -> io::Result<()> {
    let mut preface = [0; PREFACE_BYTES];
    near.read_exact(&mut preface).await?;
    far.write_all(&preface).await?;
    let mut newest = 0;
    while let Some(frame) = Frame::read(&mut near).await? {
        if frame.has_fields() && frame.stream() > newest {
            newest = frame.stream();
            shared.count(|happened| happened.requests += 1);
            let fate = shared.deck.lock().unwrap().deal();
            match fate {
                Some(Fault::RequestLost) => {
                    shared.count(|happened| happened.requests_lost += 1);
                    return Ok(());
                }
                Some(fault @ (Fault::Interrupted | Fault::AnswerLost)) => {
                    doomed.lock().unwrap().insert(newest, fault);
                }
                Some(Fault::Delayed(delay)) => {
                    shared.count(|happened| happened.delayed += 1);
                    tokio::time::sleep(delay).await;
                }
                None => {}
            }
        }
        if let Some(content) = frame.content() {
            shared.keep(content);
        }
        far.write_all(&frame.bytes).await?;
        far.flush().await?;
        if frame.is_last() && strikes(doomed, frame.stream(), Fault::Interrupted) {
            shared.count(|happened| happened.interrupted += 1);
            return Ok(());
        }
    }
    Ok(())
}

async fn carry_answers(
    mut far: impl AsyncRead + Unpin,
    mut near: impl AsyncWrite + Unpin,
    shared: &Shared,
    doomed: &Doomed,
) -> io::Result<()> {
    while let Some(frame) = Frame::read(&mut far).await? {
        if frame.has_fields() && strikes(doomed, frame.stream(), Fault::AnswerLost) {
            shared.count(|happened| happened.answers_lost += 1);
            return Ok(());
        }
        near.write_all(&frame.bytes).await?;
        near.flush().await?;
    }
    Ok(())
}

/// Whether it is now that this fault strikes this exchange.
fn strikes(doomed: &Doomed, stream: u32, fault: Fault) -> bool {
    let mut doomed = doomed.lock().unwrap();
    doomed.get(&stream) == Some(&fault) && doomed.remove(&stream).is_some()
}
