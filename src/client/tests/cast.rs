//! Alice and the others.

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList, Group, MlsMessage,
    client_builder::{BaseConfig, MlsConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    extension::ExtensionType,
    group::proposal::ProposalType,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{DefaultMlsRules, EncryptionOptions},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::hub::ModelHub;
use crate::{
    client::{Committed, Event, MemoryKeep, NewMember, PartitionedGroup, Reason},
    mls::{SELF_REMOVE, SELF_REMOVE_PRIVATE},
    wire::{BANNED_EXTENSION, SendRequest, ServiceProviderId},
};

pub(crate) type Config = ConfigOver<AwsLcCryptoProvider>;

/// A client over that cryptography.
pub(crate) type ConfigOver<P> =
    WithMlsRules<DefaultMlsRules, WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<P, BaseConfig>>>;

pub(crate) const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
pub(super) const GROUP_ID: &[u8] = b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw";

/// How handshakes travel.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handshakes {
    Public,
    Encrypted,
}

pub(super) const BOTH: [Handshakes; 2] = [Handshakes::Public, Handshakes::Encrypted];

pub(super) fn hub_id() -> ServiceProviderId {
    "hub.example".parse().unwrap()
}

pub(crate) fn client(name: &str, handshakes: Handshakes) -> Client<Config> {
    client_over(AwsLcCryptoProvider::new(), name, handshakes)
}

pub(crate) fn client_over<P: CryptoProvider + Clone>(
    crypto: P,
    name: &str,
    handshakes: Handshakes,
) -> Client<ConfigOver<P>> {
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    let encrypted = matches!(handshakes, Handshakes::Encrypted);
    let rules =
        DefaultMlsRules::new().with_encryption_options(EncryptionOptions::new(encrypted, PaddingMode::StepFunction));
    Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .mls_rules(rules)
        .extension_type(ExtensionType::new(BANNED_EXTENSION))
        .custom_proposal_types([SELF_REMOVE, SELF_REMOVE_PRIVATE].map(ProposalType::new))
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build()
}

pub(crate) fn new_member(client: &Client<Config>) -> NewMember {
    let package = client.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    NewMember::from_message(&package, "follower.example".parse().unwrap()).unwrap()
}

/// The group as it is behind the commit that is pending.
pub(crate) fn behind_pending_commit<C: MlsConfig + Clone>(group: &PartitionedGroup<C>) -> Option<Group<C>> {
    let staged = group.staged.iter().find(|staged| !staged.abandoned)?;
    let mut next = group.group.clone();
    next.apply_detached_commit(staged.secrets.clone()).unwrap();
    Some(next)
}

/// Somebody with a group.
pub(super) struct Person {
    pub(super) client: Client<Config>,
    pub(super) group: PartitionedGroup<Config>,
}

impl Person {
    pub(super) fn join(client: Client<Config>, welcome: &MlsMessage) -> Self {
        let (group, _info) = client.join_group(None, welcome, None).unwrap();
        Self { group: PartitionedGroup::new(group, hub_id()).unwrap(), client }
    }

    /// Asks once and digests the answer.
    pub(super) fn read(&mut self, hub: &ModelHub) -> Vec<Event> {
        let request = self.group.receive_request();
        let mut events = Vec::new();
        self.group.process(&request, &hub.receive(&request), &mut events).unwrap();
        events
    }

    /// Asks until there is nothing new.
    pub(super) fn read_all(&mut self, hub: &ModelHub) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            let before = (self.group.epoch(), self.group.counter());
            events.extend(self.read(hub));
            if self.group.is_removed() || before == (self.group.epoch(), self.group.counter()) {
                return events;
            }
        }
    }

    pub(super) fn say(&mut self, hub: &mut ModelHub, text: &str) {
        let request = self.group.application(text.as_bytes(), Vec::new()).unwrap();
        hub.send(&request, None).unwrap();
    }

    /// A second process with the same state: for tests only, a real one would use keys twice.
    pub(super) fn copy(&self) -> Self {
        let group = PartitionedGroup {
            group: self.group.group.clone(),
            hub: self.group.hub.clone(),
            partition: self.group.partition.clone(),
            previous: self.group.previous.clone(),
            trail: self.group.trail.clone(),
            trees_on_demand: self.group.trees_on_demand,
            staged: self.group.staged.clone(),
            unconfirmed: self.group.unconfirmed.clone(),
            removed: self.group.removed,
            doubted: self.group.doubted,
            welcome: self.group.welcome,
            stored: self.group.stored,
            kept: self.group.kept.clone(),
            reserve: None,
        };
        Self { client: self.client.clone(), group }
    }

    /// Beside the storage of the client.
    pub(super) fn keep(&self) -> MemoryKeep {
        MemoryKeep::new(self.client.group_state_storage())
    }

    /// Writes the MLS group, as its process goes on to keep the rest.
    pub(super) fn save(&mut self) -> zeroize::Zeroizing<Vec<u8>> {
        self.group.write().unwrap();
        self.group.state().unwrap()
    }

    pub(super) fn leaf(&self) -> u32 {
        self.group.group().current_member_index()
    }
}

/// A group of the named people, created at its hub. The first one created it.
pub(super) fn group<const N: usize>(names: [&str; N], handshakes: Handshakes) -> [Person; N] {
    let clients = names.map(|name| client(name, handshakes));
    let founded =
        clients[0].create_group_with_id(GROUP_ID.to_vec(), ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let members: Vec<_> = clients[1..].iter().map(new_member).collect();
    let (group, request) = PartitionedGroup::create(founded, hub_id(), &members, true).unwrap();
    assert_eq!(&request.partition_key, group.partition_key());
    let welcome = request.welcome_data.map(|data| {
        assert_eq!(data.service_providers.len(), members.len());
        MlsMessage::from_bytes(data.welcome.bytes()).unwrap()
    });
    let mut founded = Some(group);
    clients.map(|client| match founded.take() {
        Some(group) => Person { client, group },
        None => Person::join(client, welcome.as_ref().unwrap()),
    })
}

/// What was said, by whom (leaf), and whether it was late.
pub(super) fn said(events: &[Event]) -> Vec<(u32, String, bool)> {
    let line = |event: &Event| {
        let Event::Message { sender, data, late, .. } = event else { return None };
        Some((sender.leaf_index, String::from_utf8(data.as_bytes().to_vec()).unwrap(), *late))
    };
    events.iter().filter_map(line).collect()
}

pub(super) fn committed(events: &[Event]) -> Vec<&Committed> {
    events
        .iter()
        .filter_map(|event| if let Event::Committed(committed) = event { Some(&**committed) } else { None })
        .collect()
}

/// What was ignored: index and reason.
pub(super) fn ignored(events: &[Event]) -> Vec<(u32, Reason)> {
    let refused = |event: &Event| {
        if let Event::Ignored { place, reason } = event { Some((place.index, *reason)) } else { None }
    };
    events.iter().filter_map(refused).collect()
}

/// Everybody is in the same epoch of the same branch.
pub(super) fn assert_converged(people: &[&Person]) {
    let first = people[0];
    for person in people {
        assert_eq!(person.group.epoch(), first.group.epoch());
        assert_eq!(person.group.partition_key(), first.group.partition_key());
        assert_eq!(
            person.group.group().epoch_authenticator().unwrap().as_bytes(),
            first.group.group().epoch_authenticator().unwrap().as_bytes()
        );
    }
}

/// Makes a request and sends it.
pub(super) fn deliver(hub: &mut ModelHub, request: &SendRequest) -> u32 {
    hub.send(request, None).unwrap().index
}
