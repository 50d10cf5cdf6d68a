//! Binary messages: what goes out, and which of those that come in are taken.

use std::{io::Cursor, time::UNIX_EPOCH};

use bhttp::{Message, Mode, StatusCode};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::client::oblivious::{binary_request::BinaryRequest, binary_response::read_response};

fn encoded(message: &Message, mode: Mode) -> Vec<u8> {
    let mut bytes = Vec::new();
    message.write_bhttp(mode, &mut bytes).unwrap();
    bytes
}

fn response(fields: &[(&[u8], &[u8])]) -> Message {
    let mut message = Message::response(StatusCode::OK);
    for (name, value) in fields {
        message.put_header(*name, *value);
    }
    message.write_content(b"content");
    message
}

#[test]
fn a_request_is_padded_with_zeros_to_its_class() {
    let provider = "follower.example".parse().unwrap();
    let mut classes = Vec::new();
    for length in [0, 1, 850, 1000, 2000, 5000, 16_000] {
        let body = vec![0xff; length];
        let request = BinaryRequest { provider: &provider, path: "/v1/key-packages", body: &body };
        let bytes = request.encode(UNIX_EPOCH).unwrap();
        let mut reader = Cursor::new(&bytes[..]);
        let message = Message::read_bhttp(&mut reader).unwrap();
        assert_eq!(message.content(), body);
        assert_eq!(bytes[0], 0, "a known-length request (RFC 9292 §3.1)");
        let end = usize::try_from(reader.position()).unwrap();
        assert!(bytes[end..].iter().all(|byte| *byte == 0));
        classes.push(bytes.len());
    }
    assert_eq!(classes, [1024, 1024, 1024, 2048, 4096, 8192, 16_384]);
    let body = vec![0; 16_384];
    assert!(BinaryRequest { provider: &provider, path: "/v1/key-packages", body: &body }.encode(UNIX_EPOCH).is_none());
}

#[test]
fn a_request_is_what_bhttp_would_have_written() {
    let provider = "follower.example".parse().unwrap();
    for length in [0, 1, 62, 63, 64, 65, 850, 16_000] {
        let body = vec![0xff; length];
        let bytes =
            BinaryRequest { provider: &provider, path: "/v1/key-package", body: &body }.encode(UNIX_EPOCH).unwrap();
        let (authority, path) = (b"follower.example".to_vec(), b"/v1/key-package".to_vec());
        let mut message = Message::request(b"POST".to_vec(), b"https".to_vec(), authority, path);
        message.put_header("content-type", "application/vnd.mimi-ds");
        message.put_header("date", "Thu, 01 Jan 1970 00:00:00 GMT");
        message.write_content(&body);
        let whole = encoded(&message, Mode::KnownLength);
        assert_eq!(bytes[..whole.len()], whole, "{length}");
    }
}

#[test]
fn both_forms_of_responses_are_read() {
    let message = response(&[(b"content-type", b"application/vnd.mimi-ds")]);
    for mode in [Mode::KnownLength, Mode::IndeterminateLength] {
        for padding in [0, 1, 5000] {
            let mut bytes = encoded(&message, mode);
            bytes.resize(bytes.len() + padding, 0);
            let read = read_response(&bytes).unwrap();
            assert_eq!((read.status.as_u16(), &read.body[..]), (200, &b"content"[..]));
            assert_eq!(read.headers["content-type"], "application/vnd.mimi-ds");
        }
    }
}

#[test]
fn what_bhttp_lets_through_is_refused() {
    let many: [(&[u8], &[u8]); 65] = [(b"a", b"x"); 65];
    let fields: [&[(&[u8], &[u8])]; 7] = [
        &[(b"Content-Type", b"x")],
        &[(b":status", b"200")],
        &[(b"a b", b"x")],
        &[(b"a\r\nb", b"x")],
        &[(b"a", b"x\r\nb: y")],
        &[(b"a", b"\0")],
        &many,
    ];
    for fields in fields {
        assert!(read_response(&encoded(&response(fields), Mode::KnownLength)).is_none(), "{fields:?}");
    }
    let good = encoded(&response(&[]), Mode::KnownLength);
    assert!(read_response(&[&good[..], &[0, 0, 1]].concat()).is_none(), "junk after the message");
    let request = Message::request(b"GET".to_vec(), b"https".to_vec(), b"a.example".to_vec(), b"/".to_vec());
    assert!(read_response(&encoded(&request, Mode::KnownLength)).is_none(), "a request");
    assert!(read_response(&[]).is_none());
}

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0..60_usize, byte: u8) {
        let _ = read_response(&bytes);
        let mut changed = encoded(&response(&[(b"content-type", b"text/plain"), (b"date", b"never")]), Mode::KnownLength);
        let length = changed.len();
        changed[at % length] = byte;
        let _ = read_response(&changed);
    }
}
