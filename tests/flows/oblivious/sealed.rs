//! What a client posts to the relay, made by hand: to post the same bytes twice.

use std::io;

use bhttp::{Message, Mode};
use restante::wire::{KeyPackageRequest, KeyPackageRequests, encode};

use super::world::{World, now};
use crate::{
    https::{Answer, Place},
    relay::RELAY,
    site::FOLLOWER,
};

/// The gateway's key list, as the relay has it.
pub(super) async fn key_list(world: &World) -> Vec<u8> {
    let answer = exchange(world, &format!("GET /v1/relay/{FOLLOWER}/keys"), "", b"").await;
    assert_eq!(answer.status, 200);
    answer.body
}

/// A bundle for follower.example.
pub(super) fn encapsulate(list: &[u8], requests: Vec<KeyPackageRequest>) -> (Vec<u8>, ohttp::ClientResponse) {
    encapsulate_for(FOLLOWER, list, requests)
}

/// A bundle under the first key of the list: encapsulated, and what opens the answer.
pub(crate) fn encapsulate_for(
    provider: &str,
    list: &[u8],
    requests: Vec<KeyPackageRequest>,
) -> (Vec<u8>, ohttp::ClientResponse) {
    let words = [&b"POST"[..], b"https", provider.as_bytes(), b"/v1/key-packages"].map(<[u8]>::to_vec);
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
pub(crate) fn open(context: ohttp::ClientResponse, answer: &Answer) -> (u16, Vec<u8>) {
    let binary = context.decapsulate(&answer.body).expect("it is the answer to this request");
    let message = Message::read_bhttp(&mut io::Cursor::new(binary)).unwrap();
    (message.control().status().unwrap().code(), message.content().to_vec())
}

async fn exchange(world: &World, line: &str, fields: &str, body: &[u8]) -> Answer {
    let authority = world.site.pki.authority();
    Place { authority: &authority, name: RELAY, address: world.relay.address }.exchange(line, fields, body).await
}
