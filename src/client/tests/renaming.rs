//! Members who change their names, in groups whose identity provider lets them: nobody takes the name of somebody banned.

use mls_rs::{
    CipherSuiteProvider, Client, CryptoProvider, ExtensionList, MlsMessage,
    client_builder::{MlsConfig, PaddingMode},
    crypto::SignatureSecretKey,
    extension::ExtensionType,
    identity::{SigningIdentity, basic::BasicCredential},
    mls_rules::{DefaultMlsRules, EncryptionOptions},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    bans::banning,
    cast::{BOTH, GROUP_ID, Handshakes, SUITE, committed, deliver, hub_id, ignored},
    hub::ModelHub,
};
use crate::{
    client::{Event, NewMember, PartitionedGroup, Reason},
    mls::AnyIdentity,
    wire::BANNED_EXTENSION,
};

fn named(name: &str) -> (SigningIdentity, SignatureSecretKey) {
    let suite = AwsLcCryptoProvider::new().cipher_suite_provider(SUITE).unwrap();
    let (secret, public) = suite.signature_key_generate().unwrap();
    (SigningIdentity::new(BasicCredential::new(name.as_bytes().to_vec()).into_credential(), public), secret)
}

fn tolerant(name: &str, handshakes: Handshakes) -> Client<impl MlsConfig + use<>> {
    let encrypted = matches!(handshakes, Handshakes::Encrypted);
    let encryption = EncryptionOptions::new(encrypted, PaddingMode::StepFunction);
    let (identity, secret) = named(name);
    Client::builder()
        .crypto_provider(AwsLcCryptoProvider::new())
        .identity_provider(AnyIdentity)
        .mls_rules(DefaultMlsRules::new().with_encryption_options(encryption))
        .extension_type(ExtensionType::new(BANNED_EXTENSION))
        .signing_identity(identity, secret, SUITE)
        .build()
}

fn read<C: MlsConfig>(group: &mut PartitionedGroup<C>, hub: &ModelHub) -> Vec<Event> {
    let (request, mut events) = (group.receive_request(), Vec::new());
    group.process(&request, &hub.receive(&request), &mut events).unwrap();
    events
}

/// Every honest commit would take such a proposal up, and every honest member ignore that commit.
#[test]
fn an_update_to_a_name_that_is_banned_is_taken_up_by_nobody() {
    for handshakes in BOTH {
        let hub = &mut ModelHub::default();
        let (alice, bob) = (tolerant("alice", handshakes), tolerant("bob", handshakes));
        let founded = alice.create_group_with_id(GROUP_ID.to_vec(), banning(&["mallory"]), ExtensionList::new(), None);
        let package = bob.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
        let bob_as_member = NewMember::from_message(&package, "follower.example".parse().unwrap()).unwrap();
        let (mut alice, created) =
            PartitionedGroup::create(founded.unwrap(), hub_id(), &[bob_as_member], false).unwrap();
        let welcome = MlsMessage::from_bytes(created.welcome_data.unwrap().welcome.bytes()).unwrap();
        let mut bob = PartitionedGroup::new(bob.join_group(None, &welcome, None).unwrap().0, hub_id()).unwrap();

        // Another name is the identity provider's business.
        for (name, refused) in [("robert", false), ("mallory", true)] {
            let (identity, secret) = named(name);
            let update = bob.group.propose_update_with_identity(secret, identity, Vec::new()).unwrap();
            let update = bob.request(update).unwrap();
            let index = deliver(hub, &update);
            let events = read(&mut alice, hub);
            assert_eq!(ignored(&events), if refused { vec![(index, Reason::Forbidden)] } else { vec![] }, "{name}");
            let commit = alice.commit_update(false).unwrap();
            deliver(hub, &commit);
            assert_eq!(committed(&read(&mut alice, hub)).len(), 1, "{name}");
            assert_eq!(committed(&read(&mut bob, hub)).len(), 1, "{name}");
            assert_eq!(alice.partition_key(), bob.partition_key(), "{name}");
            let leaf = alice.group().member_at_index(1).unwrap();
            let leaf = leaf.signing_identity.credential.as_basic().unwrap();
            assert_eq!(leaf.identifier, b"robert", "{name}");
        }
    }
}
