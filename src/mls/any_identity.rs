//! For mls-rs, where no credential is to be judged.

use mls_rs::{
    ExtensionList, IdentityProvider,
    error::IntoAnyError,
    identity::{CredentialType, SigningIdentity},
    time::MlsTime,
};
use mls_rs_core::identity::MemberValidationContext;

/// Judges no credential, of whatever type: that is for the members and their authentication service.
///
/// RFC 9420 §7.3 asks for different signature keys in a group, not for different credentials: several clients of a user may
/// have the same. So a leaf is known by its signature key.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AnyIdentity;

/// What does not happen.
#[derive(Debug, thiserror::Error)]
#[error("no credential is judged")]
pub(crate) struct Unjudged;

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
        vec![CredentialType::BASIC, CredentialType::X509]
    }
}
