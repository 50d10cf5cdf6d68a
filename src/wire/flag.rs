//! `enum { false(0), true(1), (255) }` as a Rust `bool`. The codec's own decoding takes any byte for true, so that one
//! value would have 255 encodings.

use mls_rs_codec::{Error, MlsDecode, MlsEncode};

use crate::mls::Fault;

pub(crate) fn mls_encoded_len(_: &bool) -> usize {
    1
}

pub(crate) fn mls_encode(flag: &bool, writer: &mut Vec<u8>) -> Result<(), Error> {
    u8::from(*flag).mls_encode(writer)
}

pub(crate) fn mls_decode(reader: &mut &[u8]) -> Result<bool, Error> {
    match u8::mls_decode(reader)? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Fault::EnumValue.into()),
    }
}
