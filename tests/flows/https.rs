//! One HTTP/1.1 request over TLS, byte by byte, and its answer.

use std::{io, net::SocketAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use crate::process::PATIENCE;

/// Where a server is, and what its certificate must say.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// The authority of its certificate, in PEM.
    pub(crate) authority: &'a Path,
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    /// The first line and the fields.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Place<'_> {
    /// Sends a request: method and path, fields that end in CRLF each, and the body.
    pub(crate) async fn exchange(self, line: &str, fields: &str, body: &[u8]) -> Answer {
        let answer = self.attempt(line, fields, body).await.unwrap();
        let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head") + 4;
        let head = String::from_utf8(answer[..end].to_vec()).unwrap();
        let lower = head.to_lowercase();
        let length: usize =
            lower.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length").parse().unwrap();
        assert_eq!(answer.len(), end + length);
        Answer { status: head[9..12].parse().unwrap(), head, body: answer[end..].to_vec() }
    }

    /// The same, and whatever comes of it until the server ends the connection.
    ///
    /// # Errors
    /// It ended in the middle of something.
    pub(crate) async fn attempt(self, line: &str, fields: &str, body: &[u8]) -> io::Result<Vec<u8>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = config.with_root_certificates(roots).with_no_client_auth();
        let exchange = async {
            let stream = TcpStream::connect(self.address).await?;
            let name = ServerName::try_from(self.name).unwrap();
            let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await?;
            let (name, length) = (self.name, body.len());
            let head = format!(
                "{line} HTTP/1.1\r\nhost: {name}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n"
            );
            stream.write_all(&[head.as_bytes(), body].concat()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        };
        tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time")
    }
}
