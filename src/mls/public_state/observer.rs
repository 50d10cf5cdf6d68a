//! The settings with which mls-rs follows a group from outside: whatever is an application's to judge is not judged.

use mls_rs::{
    ExtensionList, IdentityProvider,
    error::IntoAnyError,
    external_client::{
        ExternalClient, ExternalGroup,
        builder::{ExternalBaseConfig, WithCryptoProvider, WithIdentityProvider},
    },
    identity::{CredentialType, SigningIdentity},
    time::MlsTime,
};
use mls_rs_core::identity::MemberValidationContext;
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

type Config = WithIdentityProvider<AnyIdentity, WithCryptoProvider<AwsLcCryptoProvider, ExternalBaseConfig>>;

/// What mls-rs knows of a group from outside.
pub(super) type ObservedGroup = ExternalGroup<Config>;

/// Makes an observer. Costs nothing that one would keep it for.
pub(super) fn observer() -> ExternalClient<Config> {
    ExternalClient::builder().crypto_provider(AwsLcCryptoProvider::new()).identity_provider(AnyIdentity).build()
}

/// Judges no credential, of whatever type: that is for the members and their authentication service.
///
/// RFC 9420 §7.3 asks for different signature keys in a group, not for different credentials: several clients of a user may
/// have the same. So a leaf is known by its signature key.
#[derive(Clone, Copy, Debug)]
pub(super) struct AnyIdentity;

/// What does not happen.
#[derive(Debug, thiserror::Error)]
#[error("no credential is judged")]
pub(super) struct Unjudged;

impl IntoAnyError for Unjudged {
    fn into_dyn_error(self) -> Result<Box<dyn std::error::Error + Send + Sync>, Self> {
        Ok(self.into())
    }
}

impl IdentityProvider for AnyIdentity {
    type Error = Unjudged;

    fn validate_member(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: MemberValidationContext<'_>,
    ) -> Result<(), Unjudged> {
        Ok(())
    }

    fn validate_external_sender(
        &self,
        _: &SigningIdentity,
        _: Option<MlsTime>,
        _: Option<&ExtensionList>,
    ) -> Result<(), Unjudged> {
        Ok(())
    }

    fn identity(&self, identity: &SigningIdentity, _: &ExtensionList) -> Result<Vec<u8>, Unjudged> {
        Ok(identity.signature_key.to_vec())
    }

    fn valid_successor(&self, _: &SigningIdentity, _: &SigningIdentity, _: &ExtensionList) -> Result<bool, Unjudged> {
        Ok(true)
    }

    fn supported_types(&self) -> Vec<CredentialType> {
        Vec::new() // asked of members only
    }
}
