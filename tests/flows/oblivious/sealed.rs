//! What a client posts to the relay, made by hand: to post the same bytes twice.

use std::{io, sync::Arc};

use bhttp::{Message, Mode};
use restante::wire::{KeyPackageRequest, KeyPackageRequests, encode};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::world::{World, now};
use crate::{process::PATIENCE, relay::RELAY, site::FOLLOWER};

/// An answer of the relay.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
}

/// The gateway's key list, as the relay has it.
pub(super) async fn key_list(world: &World) -> Vec<u8> {
    let answer = exchange(world, &format!("GET /v1/relay/{FOLLOWER}/keys"), "", b"").await;
    assert_eq!(answer.status, 200);
    answer.body
}

/// A bundle under the first key of the list: encapsulated, and what opens the answer.
pub(super) fn encapsulate(list: &[u8], requests: Vec<KeyPackageRequest>) -> (Vec<u8>, ohttp::ClientResponse) {
    let words = [&b"POST"[..], b"https", FOLLOWER.as_bytes(), b"/v1/key-packages"].map(<[u8]>::to_vec);
    let [method, scheme, authority, path] = words;
    let mut message = Message::request(method, scheme, authority, path);
    message.put_header("content-type", "application/vnd.mimi-ds");
    message.put_header("date", httpdate::fmt_http_date(now()));
    message.write_content(encode(&KeyPackageRequests { requests }).unwrap());
    let mut binary = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut binary).unwrap();
    binary.resize(1024, 0);
    ohttp::ClientRequest::from_encoded_config_list(list).unwrap().encapsulate(&binary).unwrap()
}

/// Posts an encapsulated request.
pub(super) async fn post(world: &World, encapsulated: &[u8]) -> Answer {
    let fields = format!("proxy-authorization: Bearer {}\r\ncontent-type: message/ohttp-req\r\n", world.relay.token);
    exchange(world, &format!("POST /v1/relay/{FOLLOWER}"), &fields, encapsulated).await
}

/// Opens an answer: status and content of what is inside.
pub(super) fn open(context: ohttp::ClientResponse, answer: &Answer) -> (u16, Vec<u8>) {
    let binary = context.decapsulate(&answer.body).expect("it is the answer to this request");
    let message = Message::read_bhttp(&mut io::Cursor::new(binary)).unwrap();
    (message.control().status().unwrap().code(), message.content().to_vec())
}

async fn exchange(world: &World, line: &str, fields: &str, body: &[u8]) -> Answer {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(world.site.pki.authority()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let exchange = async {
        let stream = TcpStream::connect(world.relay.address).await.unwrap();
        let name = ServerName::try_from(RELAY).unwrap();
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nhost: {RELAY}\r\n{fields}content-length: {length}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("an answer in time");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("an answer has a head") + 4;
    let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
    let length: usize =
        head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length").parse().unwrap();
    assert_eq!(answer.len(), end + length);
    Answer { status: head[9..12].parse().unwrap(), body: answer[end..].to_vec() }
}
