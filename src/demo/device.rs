//! A device: an MLS client and what an app around it would do.
//!
//! The only part of the demo that names the MLS library.

use std::time::Duration;

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList,
    client_builder::{BaseConfig, PaddingMode, WithCryptoProvider, WithIdentityProvider, WithMlsRules},
    extension::recommended::LastResortKeyPackageExt,
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
    mls_rules::{DefaultMlsRules, EncryptionOptions},
};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;

use super::{
    Failure,
    cast::Seat,
    mode::Mode,
    stage::HUB,
    tap::Tap,
    transcript::{Line, Transcript},
};
use crate::{
    client::{
        Backoff, Event, Inbox, JoinOptions, Member, MemberPolicy, MemoryKeep, NewMember, Participant, PartitionedGroup,
        Progress, TokioPace, http::DeliveryService,
    },
    mls::{ContentType, EpochNumber, WireFormat, WireGroupInfo, WireKeyPackage},
    wire::{
        CreateGroupRequest, DeleteKeyPackagesRequest, ExternalJoinRequest, GroupInfoResponse, InboxEntry, InboxOutcome,
        JoinToken, MaskedPartitionKey, ReceiveRequest, SendRequest, SendResponse, UploadKeyPackagesRequest,
    },
};

type Config = WithMlsRules<
    DefaultMlsRules,
    WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<AwsLcCryptoProvider, BaseConfig>>,
>;
type Jitter = Box<dyn FnMut() -> u64 + Send>;

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;

/// Quick, because the demo's hub comes back soon, and patient for a slow machine.
const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(50),
    maximum: Duration::from_millis(400),
    attempts: 100,
    retry_after_maximum: Duration::from_millis(100),
};

/// How long a device waits for a Welcome.
const WELCOME_MAX: Duration = Duration::from_secs(30);

/// A device that is in no group yet.
pub(super) struct Newcomer {
    seat: &'static Seat,
    mode: Mode,
    client: Client<Config>,
    tap: Tap,
}

impl Newcomer {
    /// Makes an MLS client with a fresh signature key.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn new(seat: &'static Seat, mode: Mode, tap: Tap) -> Result<Self, Failure> {
        let crypto = AwsLcCryptoProvider::new();
        let suite = crypto.cipher_suite_provider(SUITE).ok_or("the cipher suite is missing")?;
        let (secret, public) = suite.signature_key_generate()?;
        let credential = BasicCredential::new(seat.identity.as_bytes().to_vec()).into_credential();
        let encrypted = mode.handshakes() == WireFormat::PrivateMessage;
        let encryption = EncryptionOptions::new(encrypted, PaddingMode::StepFunction);
        let client = Client::builder()
            .crypto_provider(crypto)
            .identity_provider(BasicIdentityProvider::new())
            .mls_rules(DefaultMlsRules::new().with_encryption_options(encryption))
            .signing_identity(SigningIdentity::new(credential, public), secret, SUITE)
            .build();
        Ok(Self { seat, mode, client, tap })
    }

    /// The operations at the own provider.
    pub(super) fn service(&self) -> DeliveryService<Tap> {
        DeliveryService::new(self.tap.clone())
    }

    /// Fills the stock at the own provider: so many one-time KeyPackages, and one for when they are used up. What an
    /// earlier installation of the device left there is removed before. Returns the former.
    ///
    /// # Errors
    /// The provider's, or the MLS library's.
    pub(super) async fn upload(&self, one_time: usize) -> Result<Vec<WireKeyPackage>, Failure> {
        let (service, client_id) = (self.service(), self.seat.client_id());
        let one_time: Vec<WireKeyPackage> =
            (0..one_time).map(|_| Ok(self.key_package()?.key_package)).collect::<Result<_, Failure>>()?;
        let mut extensions = ExtensionList::new();
        extensions.set_from(LastResortKeyPackageExt)?;
        let last_resort = self.client.generate_key_package_message(extensions, ExtensionList::new(), None)?;
        let last_resort = NewMember::from_message(&last_resort, self.seat.provider.parse()?)?.key_package;
        service.delete_key_packages(&DeleteKeyPackagesRequest { client_id }).await?;
        let key_packages = one_time.iter().chain([&last_resort]).cloned().collect();
        service.upload_key_packages(&UploadKeyPackagesRequest { client_id, key_packages }).await?;
        Ok(one_time)
    }

    /// A fresh KeyPackage.
    ///
    /// # Errors
    /// The MLS library's.
    fn key_package(&self) -> Result<NewMember, Failure> {
        let package = self.client.generate_key_package_message(ExtensionList::new(), ExtensionList::new(), None)?;
        Ok(NewMember::from_message(&package, self.seat.provider.parse()?)?)
    }

    /// Founds a group with these members, and saves it; the request hands it to its hub.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) async fn found(
        self,
        group_id: Vec<u8>,
        members: &[NewMember],
    ) -> Result<(Device, CreateGroupRequest), Failure> {
        let founded = self.client.create_group_with_id(group_id, ExtensionList::new(), ExtensionList::new(), None)?;
        let hub = self.seat.provider.parse()?;
        let (mut group, request) = PartitionedGroup::create(founded, hub, members, self.mode.publishes_group_info())?;
        let mut keep = self.keep();
        group.save(&mut keep).await?;
        Ok((self.enter(group, keep), request))
    }

    /// Waits for the Welcome that the hub takes to the own provider, joins, and acknowledges it. Returns it as well.
    ///
    /// # Errors
    /// When none comes, or the MLS library's.
    pub(super) async fn join(self) -> Result<(Device, InboxEntry), Failure> {
        let (service, mut inbox) = (self.service(), Inbox::new(self.seat.client_id()));
        let entry = inbox.next(&service, WELCOME_MAX).await?.ok_or("a Welcome has not come")?;
        let mut group = PartitionedGroup::join(&self.client, &entry)?;
        let mut keep = self.keep();
        group.save(&mut keep).await?;
        inbox.acknowledge(&service, &entry, InboxOutcome::Joined).await?;
        Ok((self.enter(group, keep), entry))
    }

    /// Joins from outside with what is known of the group, and with the token. Returns what was sent, and the answer.
    ///
    /// # Errors
    /// The hub's, or the MLS library's.
    pub(super) async fn join_externally(
        self,
        group_id: &[u8],
        known: &GroupInfoResponse,
        token: &JoinToken,
    ) -> Result<(Device, ExternalJoinRequest, SendResponse), Failure> {
        let options = JoinOptions { group_info: self.mode.publishes_group_info(), old_leaf: None };
        let (hub, mut keep) = (HUB.parse()?, self.keep());
        let (mut group, request) = PartitionedGroup::join_externally(&self.client, hub, group_id, known, &options)?;
        group.save(&mut keep).await?;
        let receipt = self.service().external_join(&request, Some(token)).await?;
        group.confirm_join();
        Ok((self.enter(group, keep), request, receipt))
    }

    fn keep(&self) -> MemoryKeep {
        MemoryKeep::new(self.client.group_state_storage())
    }

    fn enter(self, group: PartitionedGroup<Config>, keep: MemoryKeep) -> Device {
        let policy = MemberPolicy {
            backoff: BACKOFF,
            group_info: self.mode.publishes_group_info(),
            // The scenes hold and count single sends: none is made twice because the hub asks for a tree.
            trees_on_demand: false,
            ..MemberPolicy::default()
        };
        let pace = TokioPace::new(jitter(self.seat));
        let member = Member::new(group, self.tap.clone(), pace, keep, policy);
        Device { seat: self.seat, tap: self.tap, member, transcript: Transcript::default() }
    }
}

/// The same numbers in every run; others for every device.
fn jitter(seat: &Seat) -> Jitter {
    let mut state = seat.identity.bytes().fold(1_u64, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into()));
    Box::new(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
}

/// A member of the group.
pub(super) struct Device {
    pub(super) seat: &'static Seat,
    pub(super) tap: Tap,
    pub(super) transcript: Transcript,
    member: Member<Config, Tap, TokioPace<Jitter>, MemoryKeep>,
}

impl Device {
    pub(super) fn epoch(&self) -> EpochNumber {
        self.member.group().epoch()
    }

    pub(super) fn group_id(&self) -> &[u8] {
        self.member.group().group_id()
    }

    /// The masked partition key of the device's epoch.
    pub(super) fn partition(&self) -> MaskedPartitionKey {
        self.member.group().masked_partition_key()
    }

    /// What it would ask the hub next: with the partition key in it.
    pub(super) fn request(&self) -> ReceiveRequest {
        self.member.group().receive_request()
    }

    pub(super) fn service(&self) -> &DeliveryService<Tap> {
        self.member.service()
    }

    pub(super) fn is_removed(&self) -> bool {
        self.member.group().is_removed()
    }

    /// Says something and waits until the hub has sequenced it.
    ///
    /// # Errors
    /// When the hub does not.
    pub(super) async fn say(&mut self, text: &str) -> Result<(), Failure> {
        self.want_to_say(text)?;
        self.flush().await
    }

    /// Queues something to say.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_to_say(&mut self, text: &str) -> Result<(), Failure> {
        self.member.send(text.as_bytes())?;
        self.transcript.unread.push_back(text.to_owned());
        Ok(())
    }

    /// Queues a commit with fresh keys.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_fresh_keys(&mut self) -> Result<(), Failure> {
        self.member.update()?;
        Ok(())
    }

    /// Queues a commit that removes somebody.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_removed(&mut self, seat: &Seat) -> Result<(), Failure> {
        self.member.remove(seat.identity.as_bytes())?;
        Ok(())
    }

    /// Queues a proposal to be removed.
    ///
    /// # Errors
    /// When the queue is full.
    pub(super) fn want_to_leave(&mut self) -> Result<(), Failure> {
        self.member.leave()?;
        Ok(())
    }

    /// The GroupInfo of the device's epoch, for somebody who wants to join from outside.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn group_info(&self) -> Result<WireGroupInfo, Failure> {
        Ok(self.member.group().group_info()?)
    }

    /// Works off the queue; a commit is read back.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn flush(&mut self) -> Result<(), Failure> {
        while self.member.has_work() {
            let flushed = self.member.flush().await;
            self.take_notes()?;
            flushed?;
        }
        Ok(())
    }

    /// Reads all there is.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn read(&mut self) -> Result<(), Failure> {
        self.wait(Duration::ZERO).await
    }

    /// Reads all there is, and waits for something if there is nothing.
    ///
    /// # Errors
    /// [`crate::client::MemberError`]
    pub(super) async fn wait(&mut self, wait: Duration) -> Result<(), Failure> {
        let read = self.member.read(wait).await;
        self.take_notes()?;
        Ok(read?)
    }

    /// Encrypts something past the queue, to be sent later.
    ///
    /// # Errors
    /// The MLS library's.
    pub(super) fn encrypt(&mut self, text: &str) -> Result<SendRequest, Failure> {
        Ok(self.member.group_mut().application(text.as_bytes(), Vec::new())?)
    }

    fn take_notes(&mut self) -> Result<(), Failure> {
        while let Some(progress) = self.member.next_progress() {
            match progress {
                Progress::Group(event) => self.take_note(event),
                Progress::Done { .. } => self.transcript.done += 1,
                Progress::Joined { .. } | Progress::Forked(_) | Progress::Accepted { .. } | Progress::Moot { .. } => {}
                Progress::Dropped { cause, .. } => {
                    return Err(format!("{} gave up what it was to do: {cause:?}", self.seat.name).into());
                }
            }
        }
        Ok(())
    }

    fn take_note(&mut self, event: Event) {
        let transcript = &mut self.transcript;
        match event {
            Event::Message { place, sender, data, .. } => {
                let text = String::from_utf8_lossy(&data).into_owned();
                transcript.hear(place, Line { by: identity(&sender), text });
            }
            // MLS cannot decrypt one's own messages: the app remembers what it said, in order.
            Event::Sent { place, content_type: ContentType::Application, .. } => {
                let text = transcript.unread.pop_front().unwrap_or_default();
                transcript.hear(place, Line { by: self.seat.identity.to_owned(), text });
            }
            Event::Ignored { place, reason } => transcript.ignored.push((place, reason)),
            Event::Superseded { place } => transcript.superseded.push(place),
            Event::Lost { .. } => transcript.lost += 1,
            Event::Removed { committer, .. } => {
                transcript.removed_by = Some(committer.as_ref().map(identity).unwrap_or_default());
            }
            Event::Sent { .. } | Event::Proposal { .. } | Event::Committed(_) | Event::Gap { .. } => {}
        }
    }
}

fn identity(participant: &Participant) -> String {
    let credential = participant.signing_identity.credential.as_basic();
    credential.map(|basic| String::from_utf8_lossy(&basic.identifier).into_owned()).unwrap_or_default()
}
