//! `KeyPackageRef` (RFC 9420 §5.2).

use mls_rs_codec::{MlsEncode, MlsSize, byte_vec};
use sha2::{Digest, Sha256, Sha384, Sha512};

use crate::{
    mls::{CipherSuite, WireKeyPackage},
    wire::KeyPackageRef,
};

/// `RefHashInput`.
#[derive(MlsSize, MlsEncode)]
struct RefHashInput<'a> {
    #[mls_codec(with = "byte_vec")]
    label: &'a [u8],
    #[mls_codec(with = "byte_vec")]
    value: &'a [u8],
}

/// The reference under which a KeyPackage stands in a Welcome; `None` for cipher suites that RFC 9420 does not define.
pub fn key_package_ref(key_package: &WireKeyPackage) -> Option<KeyPackageRef> {
    let input = RefHashInput { label: b"MLS 1.0 KeyPackage Reference", value: key_package.bytes() };
    let input = input.mls_encode_to_vec().ok()?;
    let hash = match key_package.cipher_suite() {
        CipherSuite(1..=3) => Sha256::digest(input).to_vec(),
        CipherSuite(4..=6) => Sha512::digest(input).to_vec(),
        CipherSuite(7) => Sha384::digest(input).to_vec(),
        CipherSuite(_) => return None,
    };
    Some(KeyPackageRef(hash))
}
