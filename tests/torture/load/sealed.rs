//! What a client posts to the relay, made by hand: to post the same bytes twice.

use std::{io, net::SocketAddr, sync::Arc, time::SystemTime};

use bhttp::{Message, Mode};
use restante::wire::{KeyPackageRequest, KeyPackageRequests, encode};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{process::PATIENCE, site::FOLLOWER, world::World};

/// What is posted, and where to.
pub(crate) struct Target {
    pub(crate) authority: &'static str,
    pub(crate) path: &'static str,
    pub(crate) media_type: &'static str,
}

/// A bundle for follower.example: encapsulated, and what opens one answer.
pub(super) fn encapsulate_bundle(
    list: &[u8],
    request: KeyPackageRequest,
    now: SystemTime,
) -> Option<(Vec<u8>, ohttp::ClientResponse)> {
    let target = Target { authority: FOLLOWER, path: "/v1/key-packages", media_type: "application/vnd.mimi-ds" };
    let content = encode(&KeyPackageRequests { requests: vec![request] }).unwrap();
    encapsulate(list, &target, &content, now)
}

/// A request under the last key of the list: encapsulated, and what opens one answer.
pub(crate) fn encapsulate(
    list: &[u8],
    target: &Target,
    content: &[u8],
    now: SystemTime,
) -> Option<(Vec<u8>, ohttp::ClientResponse)> {
    let words = [&b"POST"[..], b"https", target.authority.as_bytes(), target.path.as_bytes()].map(<[u8]>::to_vec);
    let [method, scheme, authority, path] = words;
    let mut message = Message::request(method, scheme, authority, path);
    message.put_header("content-type", target.media_type);
    message.put_header("date", httpdate::fmt_http_date(now));
    message.write_content(content);
    let mut binary = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut binary).unwrap();
    binary.resize(1024, 0);
    ohttp::ClientRequest::from_encoded_config_list(list).ok()?.encapsulate(&binary).ok()
}

/// The status of what is inside.
pub(crate) fn open(context: ohttp::ClientResponse, answer: &[u8]) -> Option<u16> {
    let binary = context.decapsulate(answer).ok()?;
    let message = Message::read_bhttp(&mut io::Cursor::new(binary)).ok()?;
    Some(message.control().status()?.code())
}

/// One exchange over a connection of its own. Nothing when anything breaks.
pub(crate) async fn exchange(
    world: &World,
    (name, address): (&'static str, SocketAddr),
    head: &str,
    body: &[u8],
) -> Option<(u16, Vec<u8>)> {
    let tls = TlsConnector::from(Arc::clone(&world.site.pki.tls(None)));
    let exchange = async {
        let stream = TcpStream::connect(address).await.ok()?;
        let mut stream = tls.connect(ServerName::try_from(name).ok()?, stream).await.ok()?;
        let length = body.len();
        let head = format!("{head}host: {name}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
        stream.write_all(&[head.as_bytes(), body].concat()).await.ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.ok()?;
        Some(answer)
    };
    let answer = timeout(PATIENCE, exchange).await.ok()??;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8(answer[..end].to_vec()).ok()?.to_lowercase();
    let length: usize = head.lines().find_map(|line| line.strip_prefix("content-length: "))?.parse().ok()?;
    (answer.len() == end + length).then(|| Some((head.get(9..12)?.parse().ok()?, answer[end..].to_vec())))?
}
