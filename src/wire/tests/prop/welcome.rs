//! Welcomes, and what goes with them.

use proptest::{collection::vec, prelude::*};

use super::{bytes, opaque, provider::provider};
use crate::{
    mls::{CipherSuite, WireWelcome},
    wire::{WelcomeData, WelcomeDecision, decode},
};

pub(super) fn welcome() -> BoxedStrategy<WireWelcome> {
    (any::<u16>(), vec((bytes(64), bytes(40), bytes(40)), 0..5), bytes(90))
        .prop_map(|(suite, secrets, info)| {
            let mut entries = Vec::new();
            for (reference, kem_output, ciphertext) in &secrets {
                [reference, kem_output, ciphertext].iter().for_each(|part| opaque(&mut entries, part));
            }
            let mut encoded = vec![0, 1, 0, 3];
            encoded.extend(suite.to_be_bytes());
            opaque(&mut encoded, &entries);
            opaque(&mut encoded, &info);
            let welcome: WireWelcome = decode(&encoded).unwrap();
            assert_eq!(welcome.cipher_suite(), CipherSuite(suite));
            assert!(welcome.key_package_refs().eq(secrets.iter().map(|(reference, _, _)| reference)));
            welcome
        })
        .boxed()
}

pub(super) fn welcome_data() -> BoxedStrategy<WelcomeData> {
    (welcome(), vec(provider(), 0..5))
        .prop_map(|(welcome, service_providers)| WelcomeData { welcome, service_providers })
        .boxed()
}

pub(super) fn decision() -> BoxedStrategy<WelcomeDecision> {
    prop_oneof![
        Just(WelcomeDecision::Accepted),
        Just(WelcomeDecision::Unknown),
        Just(WelcomeDecision::Expired),
        Just(WelcomeDecision::AlreadyUsed),
        Just(WelcomeDecision::Refused)
    ]
    .boxed()
}
