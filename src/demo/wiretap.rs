//! A wire between two others, with the demo in the middle: it holds both ends' keys, writes down every byte that goes
//! through, and changes none.
//!
//! What it writes down is what the ends themselves get to see inside their TLS. Nobody but who owns the certificates can
//! do this.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split},
    net::{TcpListener, TcpStream},
    task::{JoinHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Failure;

/// How long both handshakes may take.
const HANDSHAKES_MAX: Duration = Duration::from_secs(10);
/// More than the demo says; a wire that says more breaks off.
const HEARD_MAX: usize = 16 * 1024 * 1024;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// From whoever connected.
    Out,
    /// The answers.
    Back,
}

/// Where the wire leads, and what is shown at both ends.
pub(super) struct Ends {
    pub(super) acceptor: TlsAcceptor,
    pub(super) connector: TlsConnector,
    /// The name in the certificate of the other end.
    pub(super) name: &'static str,
    pub(super) address: SocketAddr,
}

/// The wire. Its connections end with it.
pub(super) struct Wiretap {
    /// Where to connect.
    pub(super) address: SocketAddr,
    heard: Heard,
    accepting: JoinHandle<()>,
}

/// A place in what was heard, to listen to what came after.
#[derive(Clone, Copy)]
pub(super) struct Moment(usize);

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<Piece>>>);

struct Piece {
    connection: usize,
    way: Way,
    bytes: Vec<u8>,
}

impl Wiretap {
    /// Listens on loopback.
    ///
    /// # Errors
    /// When it cannot.
    pub(super) async fn start(ends: Ends) -> Result<Self, Failure> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (address, heard) = (listener.local_addr()?, Heard::default());
        let accepting = tokio::spawn(accept(listener, Arc::new(ends), heard.clone()));
        Ok(Self { address, heard, accepting })
    }

    /// Now.
    pub(super) fn moment(&self) -> Moment {
        Moment(self.heard.list().len())
    }

    /// What went one way since then, for each connection in order.
    pub(super) fn since(&self, moment: Moment, way: Way) -> Vec<Vec<u8>> {
        let list = self.heard.list();
        let mut connections: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        for piece in list.get(moment.0..).unwrap_or_default().iter().filter(|piece| piece.way == way) {
            connections.entry(piece.connection).or_default().extend_from_slice(&piece.bytes);
        }
        connections.into_values().collect()
    }

    /// Everything, either way.
    pub(super) fn everything(&self) -> Vec<Vec<u8>> {
        let ways = [Way::Out, Way::Back].map(|way| self.since(Moment(0), way));
        ways.into_iter().flatten().collect()
    }
}

impl Drop for Wiretap {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Heard {
    fn list(&self) -> MutexGuard<'_, Vec<Piece>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a piece down; `false` when there is no more room.
    fn write(&self, connection: usize, way: Way, bytes: &[u8]) -> bool {
        let mut list = self.list();
        let room = list.iter().map(|piece| piece.bytes.len()).sum::<usize>() + bytes.len() <= HEARD_MAX;
        if room {
            list.push(Piece { connection, way, bytes: bytes.to_vec() });
        }
        room
    }
}

async fn accept(listener: TcpListener, ends: Arc<Ends>, heard: Heard) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    // Whatever breaks a connection, both ends see it broken, and the scene says what came of it.
    while let Ok((stream, _)) = listener.accept().await {
        while connections.try_join_next().is_some() {}
        connections.spawn(listen_in(stream, ends.clone(), heard.clone(), number));
        number += 1;
    }
}

async fn listen_in(near: TcpStream, ends: Arc<Ends>, heard: Heard, connection: usize) -> Result<(), Failure> {
    let name = ServerName::try_from(ends.name)?;
    let handshakes = async {
        let far = TcpStream::connect(ends.address).await?;
        Ok::<_, std::io::Error>((ends.acceptor.accept(near).await?, ends.connector.connect(name, far).await?))
    };
    let (near, far) = timeout(HANDSHAKES_MAX, handshakes).await??;
    let ((near_reader, near_writer), (far_reader, far_writer)) = (split(near), split(far));
    let out = copy(near_reader, far_writer, |bytes| heard.write(connection, Way::Out, bytes));
    let back = copy(far_reader, near_writer, |bytes| heard.write(connection, Way::Back, bytes));
    tokio::try_join!(out, back)?;
    Ok(())
}

/// Passes bytes on after they were written down: who has got an answer finds it there.
async fn copy(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    write_down: impl Fn(&[u8]) -> bool,
) -> Result<(), Failure> {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(to.shutdown().await?);
        }
        if !write_down(&buffer[..length]) {
            return Err("the wire says more than can be written down".into());
        }
        to.write_all(&buffer[..length]).await?;
        to.flush().await?;
    }
}
