//! A KeyPackage as it travels in the drafts: the bare structure, without an `MLSMessage` around it.

use std::fmt;

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{
    CipherSuite, Walk,
    grammar::{extent, key_package},
};

/// A `KeyPackage` (RFC 9420 §10): the exact bytes and its suite. Its validity is not judged here.
///
/// # Privacy
/// `Debug` shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct WireKeyPackage {
    bytes: Bytes,
    cipher_suite: CipherSuite,
}

impl WireKeyPackage {
    /// The structure as it was received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The suite that it is for.
    pub fn cipher_suite(&self) -> CipherSuite {
        self.cipher_suite
    }
}

impl fmt::Debug for WireKeyPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WireKeyPackage").field("length", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl MlsSize for WireKeyPackage {
    fn mls_encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl MlsEncode for WireKeyPackage {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Walk<()> {
        writer.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl MlsDecode for WireKeyPackage {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        let (bytes, (_version, cipher_suite)) = extent(reader, key_package)?;
        Ok(Self { bytes: Bytes::copy_from_slice(bytes), cipher_suite })
    }
}
