//! Requests to the gateway, as clients make them.

use std::{
    cell::RefCell,
    time::{SystemTime, UNIX_EPOCH},
};

use bhttp::{Message, Mode};
use restante::{
    mls::{CipherSuite, ProtocolVersion},
    wire::{KeyPackageRequest, KeyPackageRequests, MEDIA_TYPE, encode},
};

use crate::{provider::PROVIDER, written::http_request};

/// The size class of a bundle of one.
const CLASS: usize = 1024;

/// A bundle of one.
pub(crate) fn bundle(user: &str, token: &[u8]) -> Vec<u8> {
    bundle_of(user, token, CipherSuite(1))
}

/// The same for a suite.
pub(crate) fn bundle_of(user: &str, token: &[u8], cipher_suite: CipherSuite) -> Vec<u8> {
    let request = KeyPackageRequest {
        user_id: user.into(),
        bearer_token: token.to_vec(),
        version: ProtocolVersion::MLS10,
        cipher_suite,
    };
    encode(&KeyPackageRequests { requests: vec![request] }).unwrap()
}

/// Encapsulates a bundle, as of now.
pub(crate) fn encapsulate(key_list: &[u8], bundle: &[u8]) -> (Vec<u8>, ohttp::ClientResponse) {
    let words = [&b"POST"[..], b"https", PROVIDER.as_bytes(), b"/v1/key-packages"].map(<[u8]>::to_vec);
    let [method, scheme, authority, path] = words;
    let mut message = Message::request(method, scheme, authority, path);
    message.put_header("content-type", MEDIA_TYPE);
    message.put_header("date", httpdate::fmt_http_date(SystemTime::now()));
    message.write_content(bundle);
    let mut binary = Vec::new();
    message.write_bhttp(Mode::KnownLength, &mut binary).unwrap();
    binary.resize(CLASS, 0);
    ohttp::ClientRequest::from_encoded_config_list(key_list).unwrap().encapsulate(&binary).unwrap()
}

/// An encapsulated request to the gateway.
pub(crate) fn gateway_request(path: &str, encapsulated: &[u8], out: &mut Vec<u8>) {
    http_request(PROVIDER, path, "Content-Type: message/ohttp-req\r\n", encapsulated, out);
}

/// Requests that were encapsulated in advance; each is given once.
pub(crate) struct Prepared(RefCell<Vec<Vec<u8>>>);

impl Prepared {
    pub(crate) fn new(key_list: &[u8], bundle: &[u8], count: usize) -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let each = count.div_ceil(threads);
        let made = std::thread::scope(|scope| {
            let make = || (0..each).map(|_| encapsulate(key_list, bundle).0).collect::<Vec<_>>();
            let makers: Vec<_> = (0..threads).map(|_| scope.spawn(make)).collect();
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect()
        });
        Self(RefCell::new(made))
    }

    pub(crate) fn next(&self) -> Vec<u8> {
        self.0.borrow_mut().pop().expect("more requests are prepared than this machine can answer")
    }
}

/// Seconds since the Unix epoch.
pub(crate) fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
