//! The same with nothing but mls-rs: a clone, the commit, the GroupInfo.

use mls_rs::{
    MlsMessage,
    external_client::{
        ExternalClient, ExternalGroup,
        builder::{ExternalBaseConfig, WithCryptoProvider, WithIdentityProvider},
    },
    identity::basic::BasicIdentityProvider,
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use crate::crowd::Epoch;

pub(crate) type Config =
    WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<AwsLcCryptoProvider, ExternalBaseConfig>>;

/// A group as mls-rs observes it, and the messages as they arrive.
pub(crate) struct Bare {
    group: ExternalGroup<Config>,
    commit: Vec<u8>,
    after: Vec<u8>,
}

impl Bare {
    pub(crate) fn of(before: &MlsMessage, epoch: &Epoch) -> Self {
        Self {
            group: observe(before),
            commit: epoch.commit.to_bytes().unwrap(),
            after: epoch.group_info.to_bytes().unwrap(),
        }
    }

    pub(crate) fn copy(&self) -> ExternalGroup<Config> {
        self.group.clone()
    }

    /// Clone, apply, check: what every hub has to do.
    pub(crate) fn follow(&self) -> ExternalGroup<Config> {
        follow(&self.group, &self.commit, &self.after)
    }

    pub(crate) fn snapshot(&self) -> Vec<u8> {
        self.group.snapshot().to_bytes().unwrap()
    }
}

/// The group after a commit that fits to the GroupInfo.
pub(crate) fn follow(before: &ExternalGroup<Config>, commit: &[u8], after: &[u8]) -> ExternalGroup<Config> {
    let mut group = before.clone();
    group.process_incoming_message(MlsMessage::from_bytes(commit).unwrap()).unwrap();
    group.process_incoming_message(MlsMessage::from_bytes(after).unwrap()).unwrap();
    group
}

pub(crate) fn observe(group_info: &MlsMessage) -> ExternalGroup<Config> {
    ExternalClient::builder()
        .crypto_provider(AwsLcCryptoProvider::new())
        .identity_provider(BasicIdentityProvider::new())
        .build()
        .observe_group(group_info.clone(), None, None)
        .unwrap()
}
