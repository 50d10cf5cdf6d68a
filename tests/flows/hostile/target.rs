//! A listener of a running process, and how to reach it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpSocket, UnixStream},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::vitals::Vitals;
use crate::process::PATIENCE;

/// Whoever behaves comes from here.
pub(super) const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Whoever does not comes from there.
pub(super) const ATTACKER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

#[derive(Clone, Debug)]
pub(super) enum Place {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// What is behind it is a process of its own, or one that it shares with others.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) process: Vitals,
    pub(super) place: Place,
    /// What its clients believe and show, and whom they expect.
    pub(super) tls: Option<(Arc<ClientConfig>, &'static str)>,
    /// A request without content that it answers, whatever it answers.
    pub(super) method: &'static str,
    pub(super) path: &'static str,
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

pub(super) type Connection = Box<dyn Stream>;

impl Target {
    pub(super) fn host(&self) -> &'static str {
        self.tls.as_ref().map_or("localhost", |(_, name)| name)
    }

    /// A connection without a word of TLS.
    pub(super) async fn bare(&self, from: IpAddr) -> std::io::Result<Connection> {
        Ok(match &self.place {
            Place::Tcp(address) => {
                let socket = TcpSocket::new_v4()?;
                socket.bind(SocketAddr::new(from, 0))?;
                Box::new(socket.connect(*address).await?)
            }
            Place::Unix(path) => Box::new(UnixStream::connect(path).await?),
        })
    }

    /// A connection on which HTTP can begin.
    pub(super) async fn connect(&self, from: IpAddr, alpn: &[u8]) -> std::io::Result<Connection> {
        let stream = self.bare(from).await?;
        let Some((config, name)) = &self.tls else { return Ok(stream) };
        let mut config = ClientConfig::clone(config);
        config.alpn_protocols = vec![alpn.to_vec()];
        let name = ServerName::try_from(*name).unwrap();
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await?))
    }

    /// An attacker's connection, which there is a place for.
    pub(super) async fn attacker(&self, alpn: &[u8]) -> Connection {
        timeout(PATIENCE, self.connect(ATTACKER, alpn)).await.expect("a connection in time").unwrap()
    }

    /// The head of the request, with these fields besides, in HTTP/1.1.
    pub(super) fn head(&self, fields: &str) -> String {
        format!("{} {} HTTP/1.1\r\nhost: {}\r\n{fields}\r\n", self.method, self.path, self.host())
    }

    /// Asks on a connection that stays, and is answered with content whose length is said: the status.
    pub(super) async fn ask_on(&self, stream: &mut Connection) -> u16 {
        let asked = async {
            stream.write_all(self.head("content-length: 0\r\n").as_bytes()).await?;
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await?);
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            stream.read_exact(&mut vec![0_u8; length.parse().unwrap()]).await?;
            std::io::Result::Ok(head[9..12].parse().unwrap())
        };
        let status = timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("[{}] an answer in time", self.name));
        status.unwrap_or_else(|error| panic!("[{}] an answer: {error}", self.name))
    }

    /// Asks on a connection of its own, as somebody who behaves: the status. It is waited for as long as it may take when
    /// all places are taken, until one is free.
    pub(super) async fn ask(&self) -> u16 {
        let asked = async {
            let mut stream = self.connect(NEIGHBOUR, b"http/1.1").await?;
            stream.write_all(self.head("content-length: 0\r\nconnection: close\r\n").as_bytes()).await?;
            let mut line = [0; 12];
            stream.read_exact(&mut line).await?;
            // The rest as well: the answer is taken up.
            let _ = stream.read_to_end(&mut Vec::new()).await;
            std::io::Result::Ok(String::from_utf8_lossy(&line[9..]).parse().unwrap())
        };
        let status = timeout(PATIENCE, asked).await.unwrap_or_else(|_| panic!("[{}] an answer in time", self.name));
        status.unwrap_or_else(|error| panic!("[{}] an answer: {error}", self.name))
    }
}
