//! A device that is in no group yet.

use std::time::Duration;

use mls_rs::{Client, ExtensionList, client_builder::MlsConfig, extension::recommended::LastResortKeyPackageExt};

use super::{
    Device, Jitter,
    client::{Honest, Malicious, honest, malicious},
};
use crate::{
    client::{
        Backoff, Inbox, JoinOptions, Member, MemberPolicy, MemoryKeep, NewMember, Outsider, PartitionedGroup,
        TokioPace, http::DeliveryService, own_leaves,
    },
    demo::{Failure, cast::Seat, mode::Mode, saboteur::Saboteur, stage::HUB, tap::Tap, transcript::Transcript},
    mls::WireKeyPackage,
    wire::{
        CreateGroupRequest, DeleteKeyPackagesRequest, ExternalJoinRequest, GroupId, GroupInfoRequest,
        GroupInfoResponse, InboxEntry, InboxOutcome, JoinToken, SendResponse, UploadKeyPackagesRequest, decode,
    },
};

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
pub(in crate::demo) struct Newcomer<C: MlsConfig = Honest> {
    pub(in crate::demo) seat: &'static Seat,
    mode: Mode,
    client: Client<C>,
    keep: MemoryKeep,
    tap: Tap,
}

impl Newcomer {
    /// Makes an MLS client with a fresh signature key.
    ///
    /// # Errors
    /// The MLS library's.
    pub(in crate::demo) fn new(seat: &'static Seat, mode: Mode, tap: Tap) -> Result<Self, Failure> {
        let (client, keep) = honest(seat, mode)?;
        Ok(Self { seat, mode, client, keep, tap })
    }
}

impl Newcomer<Malicious> {
    /// The same for somebody whose commits are spoiled as the saboteur is told.
    ///
    /// # Errors
    /// The MLS library's.
    pub(in crate::demo) fn malicious(
        seat: &'static Seat,
        mode: Mode,
        tap: Tap,
        saboteur: &Saboteur,
    ) -> Result<Self, Failure> {
        let (client, keep) = malicious(seat, mode, saboteur)?;
        Ok(Self { seat, mode, client, keep, tap })
    }
}

impl<C: MlsConfig> Newcomer<C> {
    /// The operations at the own provider.
    pub(in crate::demo) fn service(&self) -> DeliveryService<Tap> {
        DeliveryService::new(self.tap.clone())
    }

    /// Fills the stock at the own provider: so many one-time KeyPackages, and one for when they are used up. What an
    /// earlier installation of the device left there is removed before. Returns the former.
    ///
    /// # Errors
    /// The provider's, or the MLS library's.
    pub(in crate::demo) async fn upload(&self, one_time: usize) -> Result<Vec<WireKeyPackage>, Failure> {
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
    pub(in crate::demo) async fn found(
        self,
        group_id: Vec<u8>,
        members: &[NewMember],
    ) -> Result<(Device<C>, CreateGroupRequest), Failure> {
        let founded = self.client.create_group_with_id(group_id, ExtensionList::new(), ExtensionList::new(), None)?;
        let hub = self.seat.provider.parse()?;
        let (mut group, request) = PartitionedGroup::create(founded, hub, members, self.mode.publishes_group_info())?;
        let mut keep = self.keep.clone();
        group.save(&mut keep).await?;
        Ok((self.enter(group), request))
    }

    /// Waits for the Welcome that the hub takes to the own provider, joins, and acknowledges it. Returns it as well.
    ///
    /// # Errors
    /// When none comes, or the MLS library's.
    pub(in crate::demo) async fn join(self) -> Result<(Device<C>, InboxEntry), Failure> {
        let (service, mut inbox) = (self.service(), Inbox::new(self.seat.client_id()));
        let entry = inbox.next(&service, WELCOME_MAX).await?.ok_or("a Welcome has not come")?;
        let mut group = PartitionedGroup::join(&self.client, &entry)?;
        let mut keep = self.keep.clone();
        group.save(&mut keep).await?;
        inbox.acknowledge(&service, &entry, InboxOutcome::Joined).await?;
        Ok((self.enter(group), entry))
    }

    /// Joins from outside with what is known of the group, and with the token. Returns the hub's answer as well.
    ///
    /// # Errors
    /// [`crate::client::JoinError`]
    pub(in crate::demo) async fn join_externally(
        self,
        group_id: &[u8],
        known: GroupInfoResponse,
        token: JoinToken,
    ) -> Result<(Device<C>, SendResponse), Failure> {
        let group_id = GroupId::parse(group_id).ok_or("the group id names no hub")?;
        let (client, tap, keep) = (self.client.clone(), self.tap.clone(), self.keep.clone());
        let outsider = Outsider::new(client, tap, pace(self.seat), keep, policy(self.mode), group_id);
        let mut outsider = outsider.with_token(token).with_group_info(known);
        let joined = outsider.join().await?;
        let receipt = joined.response;
        Ok((self.at_work(outsider.into_member(joined)), receipt))
    }

    /// A commit by which somebody comes back who has lost all of the group, in the place of the old leaf. The GroupInfo beside
    /// it leaves out the tree: the hub takes it when it has followed the commit, and not before (S17).
    ///
    /// # Errors
    /// The hub's, or the MLS library's.
    pub(in crate::demo) async fn way_back(&self, group_id: &[u8]) -> Result<ExternalJoinRequest, Failure> {
        let wanted = GroupInfoRequest { group_id: group_id.to_vec() };
        let (published, _partition) = self.service().group_info(&wanted, None).await?;
        let old_leaf = own_leaves(&self.client, group_id, &published)?.first().copied();
        let options = JoinOptions { group_info: false, old_leaf };
        let (group, mut request) =
            PartitionedGroup::join_externally(&self.client, HUB.parse()?, group_id, &published, &options)?;
        let group_info = group.group().group_info_message_allowing_ext_commit(false)?;
        request.commit_data.group_info = Some(decode(&group_info.to_bytes()?)?);
        Ok(request)
    }

    fn enter(self, group: PartitionedGroup<C>) -> Device<C> {
        let member = Member::new(group, self.tap.clone(), pace(self.seat), self.keep.clone(), policy(self.mode));
        self.at_work(member)
    }

    fn at_work(self, member: Member<C, Tap, TokioPace<Jitter>, MemoryKeep>) -> Device<C> {
        let Self { seat, mode, client, keep, tap } = self;
        Device { seat, mode, client, keep, tap, member, transcript: Transcript::default() }
    }
}

pub(super) fn policy(mode: Mode) -> MemberPolicy {
    MemberPolicy {
        backoff: BACKOFF,
        group_info: mode.publishes_group_info(),
        // The scenes hold and count single sends: none is made twice because the hub asks for a tree.
        trees_on_demand: false,
        ..MemberPolicy::default()
    }
}

pub(super) fn pace(seat: &Seat) -> TokioPace<Jitter> {
    TokioPace::new(jitter(seat))
}

/// The same numbers in every run; others for every device.
fn jitter(seat: &Seat) -> Jitter {
    let mut state = seat.identity.bytes().fold(1_u64, |state, byte| state.wrapping_mul(31).wrapping_add(byte.into()));
    Box::new(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    })
}
