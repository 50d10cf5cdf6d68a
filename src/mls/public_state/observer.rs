//! The settings with which mls-rs follows a group from outside: whatever is an application's to judge is not judged.

use mls_rs::external_client::{
    ExternalClient, ExternalGroup,
    builder::{ExternalBaseConfig, WithCryptoProvider, WithIdentityProvider},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use crate::mls::AnyIdentity;

type Config = WithIdentityProvider<AnyIdentity, WithCryptoProvider<AwsLcCryptoProvider, ExternalBaseConfig>>;

/// What mls-rs knows of a group from outside.
pub(super) type ObservedGroup = ExternalGroup<Config>;

/// Makes an observer. Costs nothing that one would keep it for.
pub(super) fn observer() -> ExternalClient<Config> {
    ExternalClient::builder().crypto_provider(AwsLcCryptoProvider::new()).identity_provider(AnyIdentity).build()
}
