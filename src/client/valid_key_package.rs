//! KeyPackages that hold what RFC 9420 §10.1 asks of them.

use std::fmt;

use mls_rs::{CipherSuite, MlsMessage, extension::ExtensionType, external_client::ExternalClient, time::MlsTime};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{key_package_ref, new_member::KEY_PACKAGE_HEADER};
use crate::{
    mls::{AnyIdentity, WireKeyPackage},
    wire::KeyPackageRef,
};

/// A KeyPackage whose signatures, keys, version, suite and lifetime were checked. Its credential was not: who somebody
/// is, the authentication service knows.
#[derive(Clone, PartialEq, Eq)]
pub struct ValidKeyPackage {
    /// The name under which a Welcome refers to it.
    pub reference: KeyPackageRef,
    /// The end of its lifetime, in seconds since the Unix epoch.
    pub not_after_s: u64,
    /// Whether it has the extension `last_resort`.
    pub is_last_resort: bool,
}

/// Why a KeyPackage is not valid.
///
/// # Privacy
/// Says which check failed and quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeyPackage {
    /// The suite is not one that this build can check.
    #[error("its cipher suite cannot be checked here")]
    UnsupportedSuite,
    /// It has not begun or has ended.
    #[error("its lifetime does not include this moment")]
    Lifetime,
    /// A signature, a key, the version or the leaf's own rules.
    #[error("a signature, a key or a rule of its leaf node does not hold")]
    Content,
}

impl ValidKeyPackage {
    /// Checks a KeyPackage. Takes some 70 µs: two signatures.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check(key_package: &WireKeyPackage, now_s: u64) -> Result<Self, InvalidKeyPackage> {
        let message = [&KEY_PACKAGE_HEADER[..], key_package.bytes()].concat();
        let message = MlsMessage::from_bytes(&message).map_err(|_| InvalidKeyPackage::Content)?;
        let observer = ExternalClient::builder()
            .identity_provider(AnyIdentity)
            .crypto_provider(AwsLcCryptoProvider::default())
            .build();
        let checked = observer
            .validate_key_package(message, Some(MlsTime::from(now_s)))
            .map_err(|error| InvalidKeyPackage::of(&error))?;
        if checked.cipher_suite() != CipherSuite::new(key_package.cipher_suite().0) {
            return Err(InvalidKeyPackage::Content);
        }
        let reference = key_package_ref(key_package).ok_or(InvalidKeyPackage::UnsupportedSuite)?;
        let not_after = checked.expiration().map_err(|_| InvalidKeyPackage::Lifetime)?;
        let is_last_resort = checked.extensions.has_extension(ExtensionType::LAST_RESORT_KEY_PACKAGE);
        Ok(Self { reference, not_after_s: not_after.seconds_since_epoch(), is_last_resort })
    }
}

impl fmt::Debug for ValidKeyPackage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ValidKeyPackage").field("is_last_resort", &self.is_last_resort).finish_non_exhaustive()
    }
}

impl InvalidKeyPackage {
    fn of(error: &mls_rs::error::MlsError) -> Self {
        match error {
            mls_rs::error::MlsError::UnsupportedCipherSuite(_) => Self::UnsupportedSuite,
            mls_rs::error::MlsError::InvalidLifetime { .. } => Self::Lifetime,
            _ => Self::Content,
        }
    }
}
