//! `KeyPackageRef` (RFC 9420 §5.2).

use crate::{
    mls::{WireKeyPackage, ref_hash},
    wire::KeyPackageRef,
};

/// The reference under which a KeyPackage stands in a Welcome; `None` for cipher suites that RFC 9420 does not define.
pub fn key_package_ref(key_package: &WireKeyPackage) -> Option<KeyPackageRef> {
    ref_hash(key_package.cipher_suite(), b"MLS 1.0 KeyPackage Reference", key_package.bytes()).map(KeyPackageRef)
}
