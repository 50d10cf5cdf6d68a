//! KeyPackages, and what is asked and answered about them.

use proptest::{collection::vec, prelude::*};

use super::{bytes, leaf_node::leaf_node, opaque};
use crate::{
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    wire::{KeyPackageRequest, KeyPackageResult, KeyPackageStatus, decode},
};

pub(super) fn key_package() -> BoxedStrategy<WireKeyPackage> {
    (any::<u16>(), bytes(40), leaf_node(), bytes(40), bytes(80))
        .prop_map(|(suite, init_key, leaf, extensions, signature)| {
            let mut encoded = vec![0, 1];
            encoded.extend(suite.to_be_bytes());
            opaque(&mut encoded, &init_key);
            encoded.extend(leaf);
            opaque(&mut encoded, &extensions);
            opaque(&mut encoded, &signature);
            let package: WireKeyPackage = decode(&encoded).unwrap();
            assert_eq!(package.cipher_suite(), CipherSuite(suite));
            package
        })
        .boxed()
}

pub(super) fn key_package_request() -> BoxedStrategy<KeyPackageRequest> {
    (bytes(512), bytes(1024), any::<u16>())
        .prop_map(|(user_id, bearer_token, suite)| KeyPackageRequest {
            user_id,
            bearer_token,
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(suite),
        })
        .boxed()
}

pub(super) fn key_package_result() -> BoxedStrategy<KeyPackageResult> {
    let status = prop_oneof![
        Just(KeyPackageStatus::Ok),
        Just(KeyPackageStatus::Denied),
        Just(KeyPackageStatus::Exhausted),
        Just(KeyPackageStatus::Incompatible)
    ];
    (status, vec(key_package(), 0..4))
        .prop_map(|(status, key_packages)| KeyPackageResult { status, key_packages })
        .boxed()
}
