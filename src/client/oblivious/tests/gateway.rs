//! What stands behind the relay: `ohttp`'s server with one key, and a target that answers as a test says.

use std::{
    io::Cursor,
    sync::{Arc, Mutex},
};

use bhttp::{Message, Mode, StatusCode};
use bytes::Bytes;
use ohttp::{
    KeyConfig, SymmetricSuite,
    hpke::{Aead, Kdf, Kem},
};

use crate::wire::MEDIA_TYPE;

/// A request as the target sees it.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) authority: String,
    pub(super) path: String,
    pub(super) fields: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
    /// Of the binary request, padding included.
    pub(super) size: usize,
    /// What followed the message.
    pub(super) padding: Vec<u8>,
}

impl Inner {
    pub(super) fn field(&self, name: &str) -> &str {
        &self.fields.iter().find(|(known, _)| known == name).unwrap().1
    }
}

/// The target's answer.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) fields: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn ok(body: Vec<u8>) -> Self {
        Self { status: 200, fields: vec![("content-type", MEDIA_TYPE.to_owned())], body }
    }

    pub(super) fn problem(status: u16, kind: &str, mut fields: Vec<(&'static str, String)>) -> Self {
        fields.push(("content-type", "application/problem+json".to_owned()));
        Self { status, fields, body: format!("{{\"type\":\"{kind}\"}}").into_bytes() }
    }

    /// The binary response, padded to this size.
    pub(super) fn encode(&self, class: usize) -> Vec<u8> {
        let mut message = Message::response(StatusCode::try_from(self.status).unwrap());
        for (name, value) in &self.fields {
            message.put_header(*name, value.as_str());
        }
        message.write_content(&self.body);
        let mut encoded = Vec::new();
        message.write_bhttp(Mode::KnownLength, &mut encoded).unwrap();
        assert!(encoded.len() <= class, "the class fits");
        encoded.resize(class, 0);
        encoded
    }
}

pub(super) struct Gateway {
    server: ohttp::Server,
    target: Box<dyn Fn(&Inner) -> Reply + Send + Sync>,
    /// All requests that were opened.
    pub(super) seen: Mutex<Vec<Inner>>,
}

impl Gateway {
    pub(super) fn new(kem: Kem, target: impl Fn(&Inner) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        let suites = [Aead::Aes128Gcm, Aead::ChaCha20Poly1305].map(|aead| SymmetricSuite::new(Kdf::HkdfSha256, aead));
        let config = KeyConfig::new(7, kem, suites.to_vec()).unwrap();
        let server = ohttp::Server::new(config).unwrap();
        Arc::new(Self { server, target: Box::new(target), seen: Mutex::default() })
    }

    pub(super) fn key_list(&self) -> Bytes {
        KeyConfig::encode_list(&[self.server.config()]).unwrap().into()
    }

    /// Opens, answers, seals.
    pub(super) fn serve(&self, sealed: &[u8]) -> Bytes {
        let (inner, response) = self.open(sealed);
        let reply = (self.target)(&inner).encode(class(&inner));
        response.encapsulate(&reply).unwrap().into()
    }

    /// The same with the answer as the test makes it.
    pub(super) fn serve_bytes(&self, sealed: &[u8], answer: &[u8]) -> Bytes {
        self.open(sealed).1.encapsulate(answer).unwrap().into()
    }

    fn open(&self, sealed: &[u8]) -> (Inner, ohttp::ServerResponse) {
        let (opened, response) = self.server.decapsulate(sealed).unwrap();
        let mut reader = Cursor::new(&opened[..]);
        let message = Message::read_bhttp(&mut reader).unwrap();
        let padding = opened[usize::try_from(reader.position()).unwrap()..].to_vec();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        assert_eq!((message.control().method(), message.control().scheme()), (Some(&b"POST"[..]), Some(&b"https"[..])));
        let fields = message.header().fields().iter().map(|field| (text(field.name()), text(field.value())));
        let inner = Inner {
            authority: text(message.control().authority().unwrap()),
            path: text(message.control().path().unwrap()),
            fields: fields.collect(),
            body: message.content().to_vec(),
            size: opened.len(),
            padding,
        };
        self.seen.lock().unwrap().push(inner.clone());
        (inner, response)
    }
}

/// 8 KiB times the next power of two at or above the number of requests.
fn class(inner: &Inner) -> usize {
    let bundle = crate::wire::decode::<crate::wire::KeyPackageRequests>(&inner.body);
    8192 * bundle.map_or(1, |bundle| bundle.requests.len()).next_power_of_two()
}
