//! What a relay is asked, and over which connections.

use std::{net::SocketAddr, path::Path, rc::Rc};

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    REQUEST_BYTES,
    load::{self, Target},
    pki::{self, GATEWAY, RELAY},
};

/// The same request each time, of the smallest class.
pub(crate) fn relayed(token: &str) -> Target {
    let head = format!(
        "POST /v1/relay/{GATEWAY} HTTP/1.1\r\nhost: {RELAY}\r\ncontent-type: message/ohttp-req\r\n\
         proxy-authorization: Bearer {token}\r\ncontent-length: {REQUEST_BYTES}\r\n\r\n"
    );
    let request = [head.as_bytes(), &[7; REQUEST_BYTES]].concat();
    Target { request: Rc::new(move |_number, bytes| bytes.extend_from_slice(&request)), answer: load::http_answer }
}

/// A connection of TLS. The gateway alone has another name than what stands before it.
pub(crate) async fn dial(folder: &Path, address: SocketAddr) -> TlsStream<TcpStream> {
    let connector = TlsConnector::from(pki::client(folder, b"http/1.1"));
    for name in [RELAY, GATEWAY].map(|name| ServerName::try_from(name).unwrap()) {
        let stream = load::dial(address).await;
        if let Ok(stream) = connector.connect(name, stream).await {
            return stream;
        }
    }
    panic!("no TLS");
}
