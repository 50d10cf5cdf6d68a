//! Binary requests as `bhttp` writes them, and encapsulated ones as `ohttp` seals them.

use std::fs;

use bhttp::{Message, Mode};
use bytes::Bytes;
use restante_gateway::{BinaryRequest, LiveKeys, Machine, Padded, Unopened};

use super::{
    corpus::{Corpus, folder},
    gateway_keys::{KEYS_OF, SECRET},
};

const TARGET: &str = "encapsulated_request";

/// RFC 9458, Appendix A: for X25519, a request with a method of its own and nothing more.
const OF_THE_RFC: &str = "010020000100014b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b4726374e469135906992e1268c594d2a10c695d858c40a026e7965e7d86b83dd440b2c0185204b4d63525";

pub(crate) fn add(corpus: &mut Corpus) {
    let requests = requests();
    for (name, request) in &requests {
        corpus.add("binary_request", name, request.clone());
    }
    for (name, response) in responses() {
        corpus.add("binary_response", name, response);
    }
    corpus.add(TARGET, "of_the_rfc", hex::decode(OF_THE_RFC).unwrap());
    for (id, kem) in KEYS_OF {
        let keys = LiveKeys::fixed(id, kem, &SECRET).unwrap();
        corpus.add("key_list", &format!("{kem:?}"), keys.list().to_vec());
        for (name, request) in &requests {
            let name = format!("{kem:?}-{name}");
            // Nobody can make it twice. What was made once is good as long as it opens to the same request.
            let sealed = fs::read(folder(TARGET).join(&name)).ok().filter(|sealed| opens_to(&keys, sealed, request));
            corpus.add(TARGET, &name, sealed.unwrap_or_else(|| seal(&keys, request)));
        }
    }
    let lists: Vec<_> = KEYS_OF.map(|(id, kem)| LiveKeys::fixed(id, kem, &SECRET).unwrap().list().to_vec()).to_vec();
    corpus.add("key_list", "both", lists.concat());
}

/// Of either form, with and without content, and with what a gateway refuses or drops.
fn requests() -> Vec<(&'static str, Vec<u8>)> {
    let request = |method: &str, path: &str, fields: &[(&str, &str)], content: &str| {
        let [method, scheme, path] = [method, "https", path].map(|text| text.as_bytes().to_vec());
        let mut message = Message::request(method, scheme, b"provider.example".to_vec(), path);
        for (name, value) in fields {
            message.put_header(*name, *value);
        }
        message.write_content(content);
        message
    };
    let write = |message: &Message, mode| {
        let mut bytes = Vec::new();
        message.write_bhttp(mode, &mut bytes).unwrap();
        bytes
    };
    let fields = [
        ("content-type", "application/vnd.mimi-ds"),
        ("date", "Sat, 01 Nov 2025 10:00:00 GMT"),
        ("connection", "close"),
        ("cookie", "a=b"),
    ];
    let plain = request("GET", "/", &[], "");
    let usual = request("POST", "/v1/keyPackages?a=b", &fields, "what is asked for");
    let mut padded = write(&usual, Mode::KnownLength);
    padded.resize(512, 0);
    vec![
        ("plain", write(&plain, Mode::KnownLength)),
        ("plain_indeterminate", write(&plain, Mode::IndeterminateLength)),
        ("usual", write(&usual, Mode::KnownLength)),
        ("usual_indeterminate", write(&usual, Mode::IndeterminateLength)),
        ("padded", padded),
        ("with_a_host", write(&request("PUT", "/x", &[("host", "Provider.Example")], "y"), Mode::KnownLength)),
    ]
}

/// As this project's gateway writes them, and as another might.
fn responses() -> Vec<(&'static str, Vec<u8>)> {
    let answer = |status: u16, content: &'static str| {
        let response = http::Response::builder().status(status).header("content-type", "application/vnd.mimi-ds");
        response.body(Bytes::from_static(content.as_bytes())).unwrap()
    };
    let padded = |response, class| Padded::encode(response, class).unwrap().as_ref().to_vec();
    let mut informed = Message::response(200_u16.try_into().unwrap());
    informed.put_header("date", "Sat, 01 Nov 2025 10:00:00 GMT");
    informed.write_content("content");
    let mut indeterminate = Vec::new();
    informed.write_bhttp(Mode::IndeterminateLength, &mut indeterminate).unwrap();
    vec![
        ("usual", padded(answer(200, "what was asked for"), 256)),
        ("refusal", padded(answer(403, "{}"), 128)),
        ("bare", Padded::bare(http::StatusCode::NOT_FOUND, 16).as_ref().to_vec()),
        ("indeterminate", indeterminate),
    ]
}

fn opens_to(keys: &LiveKeys, sealed: &[u8], request: &[u8]) -> bool {
    let unopened = Unopened::new(Bytes::copy_from_slice(sealed), &Machine).unwrap();
    unopened.open(keys, 0).is_ok_and(|opened| opened.message() == request)
}

fn seal(keys: &LiveKeys, request: &[u8]) -> Vec<u8> {
    assert!(BinaryRequest::decode(&Bytes::copy_from_slice(request)).is_ok(), "a request that is of use");
    let client = ohttp::ClientRequest::from_encoded_config_list(keys.list()).unwrap();
    client.encapsulate(request).unwrap().0
}
