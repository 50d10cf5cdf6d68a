//! Welcomes that a hub brings to a provider, from the first question to the join, with everything between that goes wrong.
//!
//! A failure: a new member who does not get the Welcome, who is given one twice after having acknowledged it, or who
//! joins from one that is not good; a provider that takes a Welcome from somebody whom it did not tell that it would; an
//! id in the log.

use std::time::Duration;

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList,
    client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use restante::{
    client::{
        GroupError, Inbox, MemoryKeep, NewMember, PartitionedGroup, ProblemCode,
        http::{Channel, ChannelRequest, ChannelResponse, Operation},
    },
    mls::WireWelcome,
    wire::{
        ClientId, InboxOutcome, KeyPackageRef, UploadKeyPackagesRequest,
        WelcomeDecision::{self, Accepted, AlreadyUsed},
        WelcomeInitRequest, WelcomeInitResponse, WelcomePush, decode, encode,
    },
};

use crate::{
    fixtures::mls,
    privacy::occurs,
    site::{FOLLOWER, HUB, Setting, Site, User},
};

const THIRD: &str = "third.example";
const LONG: Duration = Duration::from_secs(50);
const GROUP_ID: &[u8] = b"mimi://hub.example/g/AAECAwQFBgcICQoLDA0ODw";
const PHONE: ClientId = ClientId::new(*b"the phone of bob");

type Config = WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<AwsLcCryptoProvider, BaseConfig>>;

fn device(name: &str) -> Client<Config> {
    let (crypto, suite) = (AwsLcCryptoProvider::new(), CipherSuite::CURVE25519_AES128);
    let (secret, public) = crypto.cipher_suite_provider(suite).unwrap().signature_key_generate().unwrap();
    let identity = SigningIdentity::new(BasicCredential::new(name.as_bytes().to_vec()).into_credential(), public);
    Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .signing_identity(identity, secret, suite)
        .build()
}

/// Uploads a KeyPackage of the phone.
async fn upload(bob: &User, phone: &Client<Config>) -> NewMember {
    let message = phone.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None).unwrap();
    let member = NewMember::from_message(&message, FOLLOWER.parse().unwrap()).unwrap();
    let key_packages = vec![member.key_package.clone()];
    bob.upload_key_packages(&UploadKeyPackagesRequest { client_id: PHONE, key_packages }).await.unwrap();
    member
}

/// What a hub says to a provider.
struct Hub<C>(C);

impl<C: Channel> Hub<C> {
    async fn post(&self, operation: Operation, body: Vec<u8>) -> ChannelResponse {
        self.0.post(ChannelRequest::new(operation, body.into())).await.unwrap()
    }

    async fn ask(&self, reference: &KeyPackageRef) -> (Vec<u8>, WelcomeDecision) {
        let request = WelcomeInitRequest { key_package_refs: vec![reference.clone()] };
        let answer = self.post(Operation::WelcomeInit, encode(&request).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let WelcomeInitResponse { welcome_ticket, decisions } = decode(&answer.body).unwrap();
        (welcome_ticket, decisions[0])
    }

    /// The status of the answer.
    async fn bring(&self, ticket: &[u8], welcome: &WireWelcome) -> u16 {
        let push = WelcomePush { welcome_ticket: ticket.to_vec(), welcome: welcome.clone(), ratchet_tree: None };
        self.post(Operation::Welcome, encode(&push).unwrap()).await.status.as_u16()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_member_joins_whatever_else_comes_and_whoever_is_killed() {
    let site = Site::new(&[THIRD]).await;
    let nowhere = "127.0.0.1:1".parse().unwrap();
    let setting = Setting { log: "trace", ..Setting::new(FOLLOWER).peer(THIRD, nowhere) };
    let mut follower = site.start(&setting).await;
    let channel = |id: &str, address| {
        Hub(site.pki.client(&site.pki.identity(id), FOLLOWER, address).peer(&FOLLOWER.parse().unwrap()).unwrap())
    };
    let (hub, third) = (channel(HUB, follower.provider), channel(THIRD, follower.provider));

    let phone = device("bob");
    let member = upload(&follower.user("bob"), &phone).await;
    let reference = member.reference().unwrap();
    let alice = device("alice")
        .create_group_with_id(GROUP_ID.to_vec(), ExtensionList::new(), ExtensionList::new(), None)
        .unwrap();
    let (alice, created) = PartitionedGroup::create(alice, HUB.parse().unwrap(), &[member], false).unwrap();
    let welcome = created.welcome_data.unwrap().welcome;
    let garbage: WireWelcome = decode(&mls::welcome(mls::SUITE, &[&reference.0])).unwrap();

    // Another hub has asked as well, and tries with the first one's ticket.
    let refused = ProblemCode::WelcomeRefused.status();
    let (ticket, decision) = hub.ask(&reference).await;
    assert_eq!(decision, Accepted);
    assert_eq!(third.bring(&ticket, &garbage).await, refused);
    let (of_third, decision) = third.ask(&reference).await;
    assert_eq!(decision, Accepted);
    // Garbage comes first, while the phone waits.
    let (bob, mut inbox) = (follower.user("bob"), Inbox::new(PHONE));
    let (entry, status) = tokio::join!(inbox.next(&bob, LONG), third.bring(&of_third, &garbage));
    assert_eq!(status, 200);
    let entry = entry.unwrap().expect("an entry");
    let error = PartitionedGroup::join(&phone, &entry).unwrap_err();
    assert!(matches!(error, GroupError::Mls(_)), "{error}");
    inbox.acknowledge(&bob, &entry, error.inbox_outcome().unwrap()).await.unwrap();

    // The provider is killed between the question and the Welcome, and again before the phone has it.
    follower.process.kill().await;
    follower = site.start(&setting).await;
    let hub = channel(HUB, follower.provider);
    assert_eq!(hub.bring(&ticket, &welcome).await, 200);
    follower.process.kill().await;
    follower = site.start(&setting).await;
    let (hub, third) = (channel(HUB, follower.provider), channel(THIRD, follower.provider));
    assert_eq!(hub.bring(&ticket, &welcome).await, 200, "the hub did not hear it");
    assert_eq!(hub.bring(&ticket, &garbage).await, refused, "the ticket is used");
    assert_eq!(third.bring(&of_third, &garbage).await, 200, "as it was answered");

    let bob = follower.user("bob");
    let entry = inbox.next(&bob, LONG).await.unwrap().expect("the Welcome");
    assert_eq!(entry.hub.as_str(), HUB);
    let mut joined = PartitionedGroup::join(&phone, &entry).unwrap();
    assert_eq!(joined.masked_partition_key(), alice.masked_partition_key());
    joined.save(&mut MemoryKeep::new(phone.group_state_storage())).await.unwrap();
    // The phone dies before it acknowledges: it sees the entry again, and knows better than to call it garbage.
    let mut inbox = Inbox::new(PHONE);
    let again = inbox.next(&bob, Duration::ZERO).await.unwrap().expect("not acknowledged");
    assert_eq!(again, entry);
    let error = PartitionedGroup::join(&phone, &again).unwrap_err();
    assert_eq!(error.inbox_outcome(), Some(InboxOutcome::Joined), "{error}");
    for _repetition in 0..2 {
        inbox.acknowledge(&bob, &again, InboxOutcome::Joined).await.unwrap();
    }
    assert_eq!(hub.bring(&ticket, &welcome).await, 200);
    assert_eq!(Inbox::new(PHONE).next(&bob, Duration::from_secs(1)).await.unwrap(), None);
    assert_eq!(third.ask(&reference).await.1, AlreadyUsed);

    follower.process.terminate().await;
    assert!(follower.process.ended().await.success());
    let log = std::fs::read(site.log(FOLLOWER)).unwrap();
    assert!(!log.is_empty());
    for secret in [&reference.0[..], &ticket, &of_third, PHONE.as_bytes(), GROUP_ID, HUB.as_bytes(), THIRD.as_bytes()] {
        assert!(!occurs(&log, secret), "{}", String::from_utf8_lossy(&log));
    }
}
