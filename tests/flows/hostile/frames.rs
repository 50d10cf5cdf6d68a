//! Frames of HTTP/2 (RFC 9113, §4.1), written by hand: no client would send them so.

use super::target::Target;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const CONTINUATION: u8 = 9;

pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;

/// CANCEL (RFC 9113, §7).
pub(super) const CANCEL: [u8; 4] = [0, 0, 0, 8];

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// What every client begins with.
pub(super) fn beginning() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// The target's request (RFC 7541): its method by the static table, the rest as literals that are not indexed.
pub(super) fn request(target: &Target) -> Vec<u8> {
    let method = if target.method == "GET" { 0x82 } else { 0x83 };
    let mut block = vec![method, if target.tls.is_some() { 0x87 } else { 0x86 }];
    for (name, value) in [(0x04, target.path), (0x01, target.host())] {
        block.extend([name, u8::try_from(value.len()).unwrap()]);
        block.extend(value.as_bytes());
    }
    block
}

/// The numbers of streams that clients open.
pub(super) fn streams() -> impl Iterator<Item = u32> {
    (1..).step_by(2)
}
