//! A store of our own that fails says nothing about the messages of others.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use mls_rs::{
    CipherSuiteProvider, Client, CryptoProvider, ExtensionList, GroupStateStorage, MlsMessage,
    client_builder::MlsConfig,
    error::IntoAnyError,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_core::group::{EpochRecord, GroupState};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    cast::{Handshakes, SUITE, committed, deliver, group, hub_id, new_member, said},
    hub::ModelHub,
};
use crate::client::{Event, GroupError, NewMember, PartitionedGroup};

#[derive(Clone, Debug, Default)]
struct Flaky {
    storage: InMemoryGroupStateStorage,
    broken: Arc<AtomicBool>,
}

#[derive(Debug, thiserror::Error)]
#[error("broken")]
struct Broken;

impl IntoAnyError for Broken {}

impl Flaky {
    fn works<T>(&self, value: Result<T, std::convert::Infallible>) -> Result<T, Broken> {
        if self.broken.load(Ordering::Relaxed) { Err(Broken) } else { value.map_err(|never| match never {}) }
    }
}

impl GroupStateStorage for Flaky {
    type Error = Broken;

    fn state(&self, group_id: &[u8]) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Broken> {
        self.works(self.storage.state(group_id))
    }

    fn epoch(&self, group_id: &[u8], epoch_id: u64) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, Broken> {
        self.works(self.storage.epoch(group_id, epoch_id))
    }

    fn write(&mut self, state: GroupState, inserts: Vec<EpochRecord>, updates: Vec<EpochRecord>) -> Result<(), Broken> {
        let written =
            if self.broken.load(Ordering::Relaxed) { Ok(()) } else { self.storage.write(state, inserts, updates) };
        self.works(written)
    }

    fn max_epoch_id(&self, group_id: &[u8]) -> Result<Option<u64>, Broken> {
        self.works(self.storage.max_epoch_id(group_id))
    }
}

fn flaky_client(name: &str, storage: &Flaky) -> Client<impl MlsConfig + use<>> {
    let crypto = AwsLcCryptoProvider::new();
    let (secret, public) = crypto.cipher_suite_provider(SUITE).unwrap().signature_key_generate().unwrap();
    let credential = BasicCredential::new(name.as_bytes().to_vec()).into_credential();
    Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .group_state_storage(storage.clone())
        .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
        .build()
}

#[test]
fn a_valid_commit_is_not_ignored_because_our_own_storage_fails() {
    let hub = &mut ModelHub::default();
    let [mut alice, _bob] = group(["alice", "bob"], Handshakes::Public);
    let flaky = Flaky::default();
    let carol = flaky_client("carol", &flaky);
    let package = carol.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let package = NewMember::from_message(&package, hub_id()).unwrap();
    let addition = alice.group.commit_add(&[package], false).unwrap();
    deliver(hub, &addition);
    alice.read_all(hub);
    let welcome = addition.commit_data.unwrap().welcome_data.unwrap().welcome;
    let (joined, _info) = carol.join_group(None, &MlsMessage::from_bytes(welcome.bytes()).unwrap(), None).unwrap();
    let mut carol = PartitionedGroup::new(joined, hub_id()).unwrap();
    carol.write().unwrap();
    let saved = carol.state().unwrap();

    alice.say(hub, "before");
    let dave = super::cast::client("dave", Handshakes::Public);
    deliver(hub, &alice.group.commit_add(&[new_member(&dave)], false).unwrap());
    alice.say(hub, "late");
    alice.read_all(hub);

    flaky.broken.store(true, Ordering::Relaxed);
    let mut events = Vec::new();
    let request = carol.receive_request();
    let stopped = carol.process(&request, &hub.receive(&request), &mut events);
    assert!(matches!(stopped, Err(GroupError::Storage(_))), "{stopped:?}");
    // What came before is told; what it stopped at is not consumed.
    assert_eq!((said(&events).len(), events.len(), carol.counter()), (1, 1, 1));
    assert!(matches!(carol.write(), Err(GroupError::Storage(_))));

    flaky.broken.store(false, Ordering::Relaxed);
    let request = carol.receive_request();
    carol.process(&request, &hub.receive(&request), &mut events).unwrap();
    assert_eq!(committed(&events).len(), 1);
    assert!(matches!(events.last(), Some(Event::Message { late: true, .. })));
    assert_eq!(carol.partition_key(), alice.group.partition_key());
    carol.write().unwrap();
    assert_ne!(carol.state().unwrap(), saved);
}
