//! A ratchet tree as it travels beside a GroupInfo.

use std::fmt;

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{
    Walk,
    grammar::{extent, vector},
};

/// `struct { optional<Node> nodes<V>; } RatchetTree`: the bytes of the `ratchet_tree` extension (RFC 9420 §12.4.3.3).
///
/// The nodes stay opaque: a tree is looked into only where a feature needs the public state of a group.
///
/// # Privacy
/// `Debug` shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct WireRatchetTree {
    bytes: Bytes,
}

impl WireRatchetTree {
    /// The structure as it was received, with the length of `nodes`.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

impl fmt::Debug for WireRatchetTree {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WireRatchetTree").field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl MlsSize for WireRatchetTree {
    fn mls_encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl MlsEncode for WireRatchetTree {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Walk<()> {
        writer.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl MlsDecode for WireRatchetTree {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        let (bytes, _nodes) = extent(reader, vector)?;
        Ok(Self { bytes: Bytes::copy_from_slice(bytes) })
    }
}
