//! What a device does where its group forks: it finds out, and its user decides.

use mls_rs::{Extension, ExtensionList, MlsMessage, client_builder::MlsConfig, extension::ExtensionType};

use super::{
    Device, Malicious, client,
    newcomer::{pace, policy},
};
use crate::{
    client::{CommitOptions, Member, MemberError, OldLeaf, PartitionedGroup, Standing},
    demo::{Failure, cast::Seat, transcript::Transcript},
    mls::WireMessage,
    wire::{BANNED_EXTENSION, Banned, CommitData, Identity, PartitionKey, SendRequest, decode, encode},
};

impl<C: MlsConfig> Device<C> {
    /// Asks the hub to which branch it leads newcomers, and whether that is the own one.
    ///
    /// # Errors
    /// [`MemberError`]
    pub(in crate::demo) async fn standing(&mut self) -> Result<Standing, Failure> {
        let standing = self.member.standing().await;
        self.take_notes()?;
        Ok(standing?)
    }

    /// Reports the fork that the client has told of: the user's decision.
    ///
    /// # Errors
    /// [`MemberError`]
    pub(in crate::demo) async fn report_fork(&mut self) -> Result<(), Failure> {
        let fork = self.transcript.forks.last().ok_or("the client has told of no fork")?;
        Ok(self.member.report_fork(fork).await?)
    }

    /// Works off the queue until it is empty, or the hub says that the branch is terminated. Whether it said so.
    ///
    /// # Errors
    /// Any other [`MemberError`].
    pub(in crate::demo) async fn try_flush(&mut self) -> Result<bool, Failure> {
        match self.flush().await {
            Ok(()) => Ok(false),
            Err(error) if matches!(error.downcast_ref(), Some(MemberError::BranchTerminated)) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// How many members the group has, on the branch where the device is.
    pub(in crate::demo) fn members(&self) -> usize {
        self.member.group().group().roster().members_iter().count()
    }

    /// Goes to the branch to which the hub leads newcomers, in the place of the old leaf, and takes along what is not said
    /// yet: the user's decision.
    ///
    /// # Errors
    /// [`crate::client::JoinError`]
    pub(in crate::demo) async fn go_over(self) -> Result<Self, Failure> {
        let Self { seat, tap, transcript, mode, client, keep, member } = self;
        let unsettled: Vec<_> = member.unsettled().map(|(_, intent)| intent.clone()).collect();
        let mut outsider = member.into_outsider(client.clone())?;
        let joined = outsider.resync(OldLeaf::Own).await?;
        let mut member = outsider.into_member(joined);
        for intent in unsettled {
            member.want(intent)?;
        }
        Ok(Self { seat, tap, transcript, mode, client, keep, member })
    }

    /// Bans somebody in the group's state: a commit with a new list in the GroupContext.
    ///
    /// # Errors
    /// The hub's, or the MLS library's.
    pub(in crate::demo) async fn ban(&mut self, seat: &Seat) -> Result<(), Failure> {
        let banned = Banned { banned: vec![Identity(seat.identity.into())] };
        let context: ExtensionList =
            vec![Extension::new(ExtensionType::new(BANNED_EXTENSION), encode(&banned)?)].into();
        let options = CommitOptions::default().with_group_info(self.mode.publishes_group_info());
        let group = self.member.group_mut();
        let request = group.commit(|commit| commit.set_group_context_ext(context.clone()), &options)?;
        let expected = group.expect_commit();
        self.member.save().await?;
        self.service().send(&request, Some(expected)).await?;
        self.read().await
    }
}

impl Device<Malicious> {
    /// Something to say, made past the client library, which makes nothing that the group's policy forbids.
    ///
    /// # Errors
    /// The MLS library's.
    pub(in crate::demo) fn encrypt_anyway(&self, text: &str) -> Result<SendRequest, Failure> {
        let mut group = self.member.group().group().clone();
        let message = group.encrypt_application_message(text.as_bytes(), Vec::new())?;
        self.past_the_library(&message, None)
    }

    /// A commit with fresh keys, made in the same way. The GroupInfo beside it leaves out the tree: the hub takes it when it
    /// has followed the commit, and not before (S17).
    ///
    /// # Errors
    /// The MLS library's.
    pub(in crate::demo) fn commit_anyway(&self) -> Result<SendRequest, Failure> {
        let mut group = self.member.group().group().clone();
        let commit = group.commit_builder().build()?;
        group.apply_pending_commit()?;
        let group_info = Some(decode(&group.group_info_message_allowing_ext_commit(false)?.to_bytes()?)?);
        // It is refused before anybody could derive the right one.
        let next_partition_key = PartitionKey::new([6; PartitionKey::LENGTH]);
        let commit_data = CommitData { next_partition_key, group_info, welcome_data: None };
        self.past_the_library(commit.commit_message(), Some(commit_data))
    }

    fn past_the_library(&self, message: &MlsMessage, commit_data: Option<CommitData>) -> Result<SendRequest, Failure> {
        let message = WireMessage::parse(&message.to_bytes()?)?;
        Ok(SendRequest { message, partition_key: self.request().partition_key, commit_data })
    }

    /// A second client with the same state, as somebody has who copies a device.
    ///
    /// # Errors
    /// The MLS library's.
    pub(in crate::demo) async fn copy(&mut self) -> Result<Self, Failure> {
        self.member.save().await?;
        let state = self.keep.state(self.group_id()).ok_or("the group was not kept")?;
        let (client, keep) = client::copy(&self.client, self.group_id())?;
        let group = PartitionedGroup::load(&client, self.group_id(), &state)?.ok_or("the group was not stored")?;
        let (seat, mode, tap) = (self.seat, self.mode, self.tap.clone());
        let member = Member::new(group, tap.clone(), pace(seat), keep.clone(), policy(mode));
        Ok(Self { seat, tap, transcript: Transcript::default(), mode, client, keep, member })
    }
}
