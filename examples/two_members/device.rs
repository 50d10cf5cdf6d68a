//! A device: an MLS client with its storage, and the way to its user's provider.

use std::{path::Path, time::Duration};

use mls_rs::{
    CipherSuite, CipherSuiteProvider, Client, CryptoProvider, ExtensionList,
    client_builder::MlsConfig,
    crypto::{SignaturePublicKey, SignatureSecretKey},
    identity::{
        SigningIdentity,
        basic::{BasicCredential, BasicIdentityProvider},
    },
};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use mls_rs_crypto_awslc::AwsLcCryptoProvider;
use restante::{
    client::{
        Event, Inbox, Member, MemberPolicy, NewMember, PartitionedGroup, Progress, TokioPace,
        http::{DeliveryService, Limits, LocalAddress, LocalClient, ServiceToken, UserId},
    },
    wire::{ClientId, InboxOutcome, ServiceProviderId, UploadKeyPackagesRequest},
};

use crate::{Failure, folder::Folder, storage::Storage};

const SUITE: CipherSuite = CipherSuite::CURVE25519_AES128;
const SIGNER: &str = "signer";
/// How long a device waits for news.
const WAIT: Duration = Duration::from_secs(30);

/// The provider of all users of this example, as their app's own service reaches it.
pub(crate) struct Provider {
    pub(crate) id: ServiceProviderId,
    pub(crate) local: LocalAddress,
    pub(crate) token: ServiceToken,
}

/// A device that is in no group, or not yet.
pub(crate) struct Device<C: MlsConfig> {
    client: Client<C>,
    storage: Storage,
    channel: LocalClient,
    provider: ServiceProviderId,
    id: ClientId,
}

type Jitter = Box<dyn FnMut() -> u64 + Send>;

/// A device that is a member of a group.
pub(crate) type Membership<C> = Member<C, LocalClient, TokioPace<Jitter>, Storage>;

/// The signature key of a device, as it is kept.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct Signer {
    public: SignaturePublicKey,
    secret: SignatureSecretKey,
}

/// Opens the device of a user whose files are in that folder: the one that was there before, or a new one.
///
/// # Errors
/// The disk, or the MLS library.
pub(crate) fn open(folder: &Path, user: &str, provider: &Provider) -> Result<Device<impl MlsConfig + use<>>, Failure> {
    let (crypto, storage) = (AwsLcCryptoProvider::new(), Storage(Folder::open(folder)?));
    let suite = crypto.cipher_suite_provider(SUITE).ok_or("the cipher suite is missing")?;
    let signer = match storage.0.get(SIGNER, b"")? {
        Some(kept) => Signer::mls_decode(&mut kept.as_slice())?,
        None => {
            let (secret, public) = suite.signature_key_generate()?;
            let signer = Signer { public, secret };
            storage.0.put(SIGNER, b"", &signer.mls_encode_to_vec()?)?;
            signer
        }
    };
    // A real app has credentials that somebody vouches for, and an identity provider that checks them.
    let credential = BasicCredential::new(user.as_bytes().to_vec()).into_credential();
    let client = Client::builder()
        .crypto_provider(crypto)
        .identity_provider(BasicIdentityProvider::new())
        .group_state_storage(storage.clone())
        .key_package_repo(storage.clone())
        .signing_identity(SigningIdentity::new(credential, signer.public), signer.secret, SUITE)
        .build();
    let user_id = UserId::new(user.as_bytes()).ok_or("a user id of that length cannot be")?;
    let channel = LocalClient::new(provider.local.clone(), provider.token.clone(), user_id, Limits::default());
    // So that the provider tells the devices of a user apart. A real one draws it once, and keeps it.
    let id = ClientId::new(*b"the only device.");
    Ok(Device { client, storage, channel, provider: provider.id.clone(), id })
}

impl<C: MlsConfig> Device<C> {
    /// Uploads a KeyPackage, with which others can add this device while it is away, and shows it to whom it may concern.
    /// Somebody at another provider would fetch it from there: `restante::client::oblivious`.
    pub(crate) async fn publish(&self) -> Result<NewMember, Failure> {
        let none = ExtensionList::new;
        let message = self.client.generate_key_package_message(none(), none(), None)?;
        let member = NewMember::from_message(&message, self.provider.clone())?;
        let key_packages = vec![member.key_package.clone()];
        self.service().upload_key_packages(&UploadKeyPackagesRequest { client_id: self.id, key_packages }).await?;
        Ok(member)
    }

    /// Founds a group at the own provider, which is its hub from then on.
    pub(crate) async fn found(self) -> Result<Membership<C>, Failure> {
        let group_id = self.service().mint_group_id().await?.group_id;
        let none = ExtensionList::new;
        let group = self.client.create_group_with_id(group_id, none(), none(), None)?;
        let (mut group, request) = PartitionedGroup::create(group, self.provider.clone(), &[], false)?;
        // Before the hub is told: whoever dies in between has a group that nobody knows, and not one that is lost.
        group.save(&mut self.storage.clone()).await?;
        self.service().create_group(&request).await?;
        Ok(self.enter(group))
    }

    /// Waits for a Welcome, joins, saves, and only then says that it has come.
    pub(crate) async fn welcomed(self) -> Result<Membership<C>, Failure> {
        let (service, mut inbox) = (self.service(), Inbox::new(self.id));
        let entry = inbox.next(&service, WAIT).await?.ok_or("no Welcome has come")?;
        let mut group = PartitionedGroup::join(&self.client, &entry)?;
        group.save(&mut self.storage.clone()).await?;
        inbox.acknowledge(&service, &entry, InboxOutcome::Joined).await?;
        Ok(self.enter(group))
    }

    /// Goes on with what the disk has. What was on its way when the process died is sent again by itself, byte for byte.
    ///
    /// A device that joins from outside looks for such a join first: see `restante::client::Outsider::resume`.
    pub(crate) fn resume(self) -> Result<Membership<C>, Failure> {
        let group_id = self.storage.group_ids()?.into_iter().next().ok_or("no group is kept")?;
        let kept = self.storage.kept(&group_id)?.ok_or("no group is kept")?;
        let group = PartitionedGroup::load(&self.client, &group_id, &kept)?.ok_or("the group was never stored")?;
        Ok(self.enter(group))
    }

    fn enter(self, group: PartitionedGroup<C>) -> Membership<C> {
        let jitter: Jitter = Box::new(jitter);
        Member::new(group, self.channel, TokioPace::new(jitter), self.storage, MemberPolicy::default())
    }

    fn service(&self) -> DeliveryService<LocalClient> {
        DeliveryService::new(self.channel.clone())
    }
}

/// Spreads the attempts of many devices. No secret depends on it.
fn jitter() -> u64 {
    let suite = AwsLcCryptoProvider::new().cipher_suite_provider(SUITE);
    let bytes = suite.and_then(|suite| suite.random_bytes_vec(8).ok()).and_then(|bytes| bytes.try_into().ok());
    bytes.map_or(0, u64::from_le_bytes)
}

/// Does what the member wants, and returns what others have said meanwhile.
pub(crate) async fn work<C: MlsConfig>(member: &mut Membership<C>) -> Result<Vec<String>, Failure> {
    let mut heard = Vec::new();
    loop {
        member.sync(Duration::ZERO).await?;
        take(member, &mut heard)?;
        if !member.has_work() {
            return Ok(heard);
        }
    }
}

/// Waits until somebody says something.
pub(crate) async fn listen<C: MlsConfig>(member: &mut Membership<C>) -> Result<Vec<String>, Failure> {
    let mut heard = work(member).await?;
    while heard.is_empty() {
        // The provider holds the request until there is something, and answers at once then.
        let news = member.sync(WAIT);
        tokio::time::timeout(2 * WAIT, news).await.map_err(|_| "nobody says anything")??;
        take(member, &mut heard)?;
    }
    // From here on it is not told again, also after a crash: an app has it on its own disk by now.
    member.save().await?;
    Ok(heard)
}

/// Takes what has happened. An app shows all of it.
fn take<C: MlsConfig>(member: &mut Membership<C>, heard: &mut Vec<String>) -> Result<(), Failure> {
    while let Some(progress) = member.next_progress() {
        match progress {
            Progress::Group(Event::Message { data, .. }) => {
                heard.push(String::from_utf8_lossy(data.as_bytes()).into_owned());
            }
            // The hub will not take it, or the group cannot do it: the user has to know.
            Progress::Dropped { cause, .. } => return Err(format!("given up: {cause:?}").into()),
            _ => {}
        }
    }
    Ok(())
}
