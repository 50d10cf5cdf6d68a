//! An identity provider that cannot tell at the moment costs nobody a Welcome.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mls_rs::{
    CipherSuiteProvider, Client, CryptoProvider, ExtensionList, IdentityProvider,
    error::IntoAnyError,
    identity::{
        CredentialType, SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    time::MlsTime,
};
use mls_rs_core::identity::MemberValidationContext;
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    cast::{GROUP_ID, SUITE, hub_id},
    welcomed::founded,
};
use crate::client::{GroupError, NewMember, PartitionedGroup};

/// Asks a directory that may be away.
#[derive(Clone, Default)]
struct Directory {
    away: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
#[error("the directory does not answer")]
struct Away;

impl IntoAnyError for Away {}

impl Directory {
    fn asked<T, E>(&self, answer: Result<T, E>) -> Result<T, Away> {
        if self.away.load(Ordering::Relaxed) { Err(Away) } else { answer.map_err(|_| Away) }
    }
}

impl IdentityProvider for Directory {
    type Error = Away;

    fn validate_member(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        context: MemberValidationContext<'_>,
    ) -> Result<(), Away> {
        self.asked(BasicIdentityProvider.validate_member(identity, time, context))
    }

    fn validate_external_sender(
        &self,
        identity: &SigningIdentity,
        time: Option<MlsTime>,
        extensions: Option<&ExtensionList>,
    ) -> Result<(), Away> {
        self.asked(BasicIdentityProvider.validate_external_sender(identity, time, extensions))
    }

    fn identity(&self, identity: &SigningIdentity, extensions: &ExtensionList) -> Result<Vec<u8>, Away> {
        self.asked(BasicIdentityProvider.identity(identity, extensions))
    }

    fn valid_successor(
        &self,
        before: &SigningIdentity,
        after: &SigningIdentity,
        extensions: &ExtensionList,
    ) -> Result<bool, Away> {
        self.asked(BasicIdentityProvider.valid_successor(before, after, extensions))
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        BasicIdentityProvider.supported_types()
    }
}

#[test]
fn a_welcome_waits_for_an_identity_provider_that_is_away() {
    let (crypto, directory) = (AwsLcCryptoProvider::new(), Directory::default());
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(b"bob".to_vec()).into_credential();
    let bob = Client::builder()
        .crypto_provider(crypto)
        .identity_provider(directory.clone())
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build();
    let package = bob.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let (alice, entries) = founded(GROUP_ID, &[&NewMember::from_message(&package, hub_id()).unwrap()]);
    directory.away.store(true, Ordering::Relaxed);
    for _attempt in 0..2 {
        let error = PartitionedGroup::join(&bob, &entries[0]).unwrap_err();
        assert!(matches!(error, GroupError::Mls(_)), "{error}");
        assert_eq!(error.inbox_outcome(), None, "it is to be tried again");
    }
    directory.away.store(false, Ordering::Relaxed);
    let joined = PartitionedGroup::join(&bob, &entries[0]).unwrap();
    assert_eq!(joined.partition_key(), alice.partition_key());
}
