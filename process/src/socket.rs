//! Sockets that are listened on: TCP, or unix.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener, UnixStream},
};

use crate::config::LocalAddress;

/// Where connections come from.
#[derive(Debug)]
pub struct Socket {
    /// The table of the configuration.
    table: &'static str,
    listener: Listener,
}

#[derive(Debug)]
enum Listener {
    Tcp(TcpListener, Openness),
    /// Removed at the end.
    Unix(UnixListener, PathBuf),
}

/// Who can get to a TCP address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Openness {
    /// Anybody.
    Public,
    /// Processes of this machine, whose addresses tell nothing.
    Local,
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{table}.listen: {address} cannot be listened on: {error}")]
pub struct SocketError {
    /// The table of the configuration.
    table: &'static str,
    /// The configured address.
    address: LocalAddress,
    /// What the system said.
    error: io::Error,
}

impl Socket {
    /// Listens on a TCP address that the configuration's `table` names. Returns the address with the port that the
    /// system chose, if it was to choose one.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn tcp(table: &'static str, address: SocketAddr) -> Result<(Self, SocketAddr), SocketError> {
        Self::listen(table, address, Openness::Public).await
    }

    async fn listen(
        table: &'static str,
        address: SocketAddr,
        openness: Openness,
    ) -> Result<(Self, SocketAddr), SocketError> {
        let refused = |error| SocketError { table, address: LocalAddress::Tcp(address), error };
        let listener = TcpListener::bind(address).await.map_err(refused)?;
        let bound = listener.local_addr().map_err(refused)?;
        Ok((Self { table, listener: Listener::Tcp(listener, openness) }, bound))
    }

    /// Listens on a loopback address or a unix socket. Returns the address that people are told.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn local(table: &'static str, address: &LocalAddress) -> Result<(Self, LocalAddress), SocketError> {
        match address {
            LocalAddress::Tcp(address) => {
                let (socket, address) = Self::listen(table, *address, Openness::Local).await?;
                Ok((socket, LocalAddress::Tcp(address)))
            }
            LocalAddress::Unix(path) => {
                let listener = listen_unix(path).await;
                let listener = listener.map_err(|error| SocketError { table, address: address.clone(), error })?;
                Ok((Self { table, listener: Listener::Unix(listener, path.clone()) }, address.clone()))
            }
        }
    }

    /// The table of the configuration that names it.
    pub(crate) fn table(&self) -> &'static str {
        self.table
    }

    /// The next connection, and where it comes from if anybody can get here.
    pub(crate) async fn accept(&self) -> io::Result<(Box<dyn Stream>, Option<IpAddr>)> {
        match &self.listener {
            Listener::Tcp(listener, openness) => {
                let (stream, address) = listener.accept().await?;
                // Answers are small and somebody waits for each.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), (*openness == Openness::Public).then_some(address.ip())))
            }
            Listener::Unix(listener, _) => Ok((Box::new(listener.accept().await?.0), None)),
        }
    }

    /// From here on the system refuses connections: whoever comes now goes elsewhere at once.
    pub(crate) fn close(self) {
        match self.listener {
            Listener::Tcp(listener, _) => drop(listener),
            Listener::Unix(listener, path) => {
                drop(listener);
                drop(std::fs::remove_file(path));
            }
        }
    }
}

/// A socket that a killed process left behind is taken over; one that somebody answers on is not.
async fn listen_unix(path: &Path) -> io::Result<UnixListener> {
    if UnixStream::connect(path).await.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
        std::fs::remove_file(path)?;
    }
    UnixListener::bind(path)
}

/// What is served: bytes in and out, and no address.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}
