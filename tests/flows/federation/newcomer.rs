//! A device that is in no group yet: a real MLS client and the way to its user's provider.

use std::time::Duration;

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList,
    client_builder::{BaseConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{DefaultMlsRules, EncryptionOptions},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use restante::{
    client::{
        Inbox, MemoryKeep, NewMember, PartitionedGroup,
        http::{CallError, DeliveryService, LocalClient},
    },
    wire::{ClientId, InboxEntry, InboxOutcome, UploadKeyPackagesRequest},
};

use super::{device::Device, world::World};

pub(crate) type Config = WithMlsRules<
    DefaultMlsRules,
    WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<AwsLcCryptoProvider, BaseConfig>>,
>;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

/// No Welcome takes longer, with all that is done to the providers in between.
const PATIENCE: Duration = Duration::from_secs(50);
/// How long one request waits for a Welcome.
const WAIT: Duration = Duration::from_secs(10);
/// Between two attempts at a provider that is just being restarted.
const PAUSE: Duration = Duration::from_millis(50);

/// How handshakes travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Handshakes {
    Public,
    Encrypted,
}

/// A device.
pub(crate) struct Newcomer {
    pub(crate) name: &'static str,
    pub(crate) client: Client<Config>,
    pub(crate) keep: MemoryKeep,
    pub(crate) channel: LocalClient,
    provider: &'static str,
    id: ClientId,
}

impl Newcomer {
    /// A device of a user, who is called like the device up to the dash.
    pub(super) fn new(world: &World, provider: &'static str, name: &'static str, handshakes: Handshakes) -> Self {
        let mut id = [0; 16];
        id[..name.len()].copy_from_slice(name.as_bytes());
        let user = name.split('-').next().unwrap();
        Self::over(world.channel(provider, user), provider, name, ClientId::new(id), handshakes)
    }

    /// A device that has this name in its credential, and reaches its user's provider so.
    pub(crate) fn over(
        channel: LocalClient,
        provider: &'static str,
        name: &'static str,
        id: ClientId,
        handshakes: Handshakes,
    ) -> Self {
        let crypto = AwsLcCryptoProvider::new();
        let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
        let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
        let encryption = EncryptionOptions::new(handshakes == Handshakes::Encrypted, PaddingMode::StepFunction);
        let client = Client::builder()
            .crypto_provider(crypto)
            .identity_provider(BasicIdentityProvider::new())
            .mls_rules(DefaultMlsRules::new().with_encryption_options(encryption))
            .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
            .build();
        let keep = MemoryKeep::new(client.group_state_storage());
        Self { name, client, keep, channel, provider, id }
    }

    /// Under what its provider knows it.
    pub(crate) fn id(&self) -> ClientId {
        self.id
    }

    /// Uploads one KeyPackage and shows it.
    pub(crate) async fn upload(&self) -> NewMember {
        let message =
            self.client.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
        let member = NewMember::from_message(&message, self.provider.parse().unwrap()).unwrap();
        let request = UploadKeyPackagesRequest { client_id: self.id, key_packages: vec![member.key_package.clone()] };
        self.service().upload_key_packages(&request).await.unwrap();
        member
    }

    /// Founds a group with these members at the own provider, which has acknowledged it when this returns.
    pub(crate) async fn found(self, members: &[NewMember], group_info: bool) -> Device {
        let group_id = self.service().mint_group_id().await.unwrap().group_id;
        let founded =
            self.client.create_group_with_id(group_id, ExtensionList::new(), ExtensionList::new(), None).unwrap();
        let hub = self.provider.parse().unwrap();
        let (mut group, request) = PartitionedGroup::create(founded, hub, members, group_info).unwrap();
        group.save(&mut self.keep.clone()).await.unwrap();
        self.service().create_group(&request).await.unwrap();
        self.enter(group)
    }

    /// All Welcomes that wait for this device now.
    pub(crate) async fn inbox(&self) -> Vec<InboxEntry> {
        let (mut inbox, mut entries) = (Inbox::new(self.id), Vec::new());
        while let Some(entry) = self.next(&mut inbox, Duration::ZERO).await {
            entries.push(entry);
        }
        entries
    }

    /// Waits for a Welcome.
    pub(crate) async fn welcomed(&self) -> InboxEntry {
        let waiting = async {
            let mut inbox = Inbox::new(self.id);
            loop {
                if let Some(entry) = self.next(&mut inbox, WAIT).await {
                    return entry;
                }
            }
        };
        let welcomed = tokio::time::timeout(PATIENCE, waiting).await;
        welcomed.unwrap_or_else(|_| panic!("{} waits for a Welcome in vain", self.name))
    }

    async fn next(&self, inbox: &mut Inbox, wait: Duration) -> Option<InboxEntry> {
        loop {
            match inbox.next(&self.service(), wait).await {
                Ok(entry) => return entry,
                Err(error) => self.assert_transient(&error),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Joins from an entry of the inbox, and acknowledges it.
    pub(crate) async fn join(&self, entry: &InboxEntry) -> PartitionedGroup<Config> {
        let mut group = PartitionedGroup::join(&self.client, entry).unwrap();
        group.save(&mut self.keep.clone()).await.unwrap();
        let inbox = Inbox::new(self.id);
        self.asked(async || inbox.acknowledge(&self.service(), entry, InboxOutcome::Joined).await).await;
        group
    }

    /// With a group, it is a member.
    pub(crate) fn enter(self, group: PartitionedGroup<Config>) -> Device {
        Device::new(self, group)
    }

    /// Asks the own provider until it answers: it may be about to be restarted.
    pub(crate) async fn asked<T>(&self, ask: impl AsyncFn() -> Result<T, CallError>) -> T {
        let asking = async {
            loop {
                match ask().await {
                    Ok(answer) => return answer,
                    Err(error) => self.assert_transient(&error),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        tokio::time::timeout(PATIENCE, asking).await.expect("a provider is back in time")
    }

    fn assert_transient(&self, error: &CallError) {
        assert!(error.is_transient(), "{}: {error}", self.name);
    }

    /// The operations at the own provider.
    pub(crate) fn service(&self) -> DeliveryService<LocalClient> {
        DeliveryService::new(self.channel.clone())
    }
}
