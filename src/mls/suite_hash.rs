//! The hash function of a cipher suite (RFC 9420 §17.1), and references made with it (§5.2).

use mls_rs_codec::byte_vec;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::CipherSuite;

/// `Hash(content)` of that suite, of content in pieces; `None` for a suite that RFC 9420 does not define.
pub(crate) fn suite_hash(suite: CipherSuite, content: &[&[u8]]) -> Option<Vec<u8>> {
    match suite {
        CipherSuite(1..=3) => Some(digest::<Sha256>(content)),
        CipherSuite(4..=6) => Some(digest::<Sha512>(content)),
        CipherSuite(7) => Some(digest::<Sha384>(content)),
        CipherSuite(_) => None,
    }
}

/// `RefHash(label, value)` of that suite: how a Welcome names a KeyPackage, and a commit a proposal.
pub(crate) fn ref_hash(suite: CipherSuite, label: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let mut input = Vec::with_capacity(label.len() + value.len() + 8);
    byte_vec::mls_encode(&label, &mut input).ok()?;
    byte_vec::mls_encode(&value, &mut input).ok()?;
    suite_hash(suite, &[&input])
}

fn digest<D: Digest>(content: &[&[u8]]) -> Vec<u8> {
    let mut hash = D::new();
    for piece in content {
        hash.update(piece);
    }
    hash.finalize().to_vec()
}
