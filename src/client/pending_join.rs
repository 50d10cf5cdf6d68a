//! A join from outside whose fate is not known, beside the group that it is to replace.
//!
//! Owns the bytes of both: those that ask the hub, and those that become the stored group when it has said yes. Until then
//! it must not touch what is stored: a join that comes to nothing leaves its client where it was.

use bytes::Bytes;
use mls_rs::{
    Client, GroupStateStorage,
    client_builder::MlsConfig,
    error::{IntoAnyError, MlsError},
    storage_provider::in_memory::InMemoryGroupStateStorage,
};
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use mls_rs_core::group::{EpochRecord, GroupState};
use zeroize::Zeroizing;

use super::{GroupError, JoinOptions, Keep, OldLeaf, PartitionedGroup, SaveError, saving};
use crate::{
    mls::WireGroupInfo,
    wire::{self, ExternalJoinRequest, GroupId, GroupInfoResponse, SendResponse},
};

/// Leads the kept bytes; another layout gets another number.
const FORMAT_VERSION: u16 = 1;

/// A join that is on its way.
#[derive(Clone, MlsSize, MlsEncode, MlsDecode)]
pub(super) struct PendingJoin {
    version: u16,
    /// What was asked for.
    wish: Wish,
    request: ExternalJoinRequest,
    /// The same GroupInfo with its tree, for a hub that asks for it.
    complete: Option<WireGroupInfo>,
    /// As [`PartitionedGroup::state`] of the group that the join leads to.
    #[mls_codec(with = "byte_vec")]
    pub(super) state: Zeroizing<Vec<u8>>,
    /// What the MLS library stores of it.
    #[mls_codec(with = "byte_vec")]
    stored: Zeroizing<Vec<u8>>,
    epochs: Vec<StoredEpoch>,
    /// What the hub has said. From here on the group is this one.
    accepted: Option<SendResponse>,
}

#[derive(Clone, MlsSize, MlsEncode, MlsDecode)]
struct StoredEpoch {
    id: u64,
    #[mls_codec(with = "byte_vec")]
    data: Zeroizing<Vec<u8>>,
}

/// An [`OldLeaf`], or none.
#[derive(Clone, Copy, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
enum Wish {
    New = 0,
    OwnLeaf = 1,
    LeafAt(u32) = 2,
}

impl PendingJoin {
    /// Makes a join with what the hub has published. The MLS library's storage is left alone. With `trees_on_demand` the
    /// GroupInfo goes without its tree if the hub had one to put beside what it has published: it may know the next one, too.
    pub(super) fn build<C: MlsConfig>(
        client: &Client<C>,
        group_id: &GroupId,
        published: &GroupInfoResponse,
        options: &JoinOptions,
        (old_leaf, trees_on_demand): (Option<OldLeaf>, bool),
    ) -> Result<Self, GroupError> {
        let id = group_id.as_bytes();
        // In a storage of its own: the client's may have another past of the group, which no join follows from.
        let storage = InMemoryGroupStateStorage::new();
        let apart = client.to_builder(None).group_state_storage(storage.clone()).build();
        let (mut group, mut request) =
            PartitionedGroup::join_externally(&apart, group_id.hub().clone(), id, published, options)?;
        let mut complete = None;
        if let Some(group_info) = &mut request.commit_data.group_info
            && trees_on_demand
            && published.ratchet_tree.is_some()
        {
            let bare = group.group().group_info_message_allowing_ext_commit(false)?;
            complete = Some(std::mem::replace(group_info, wire::decode(&bare.to_bytes()?)?));
        }
        group.write()?;
        let Ok(stored) = storage.state(id);
        let Ok(newest) = storage.max_epoch_id(id);
        let mut epochs = Vec::new();
        for epoch in (0..=newest.unwrap_or(0)).rev() {
            let Ok(Some(data)) = storage.epoch(id, epoch) else { break };
            epochs.push(StoredEpoch { id: epoch, data });
        }
        epochs.reverse();
        Ok(Self {
            version: FORMAT_VERSION,
            wish: old_leaf.into(),
            request,
            complete,
            state: group.state()?,
            stored: stored.ok_or(GroupError::SavedState)?,
            epochs,
            accepted: None,
        })
    }

    /// The same after a restart.
    ///
    /// # Errors
    /// [`GroupError::SavedState`]
    pub(super) fn restore(kept: &[u8]) -> Result<Self, GroupError> {
        let kept: Self = wire::decode(kept).map_err(|_| GroupError::SavedState)?;
        if kept.version != FORMAT_VERSION || kept.group_id().is_none() {
            return Err(GroupError::SavedState);
        }
        // The group that is stored goes before this one is restored: an older version's has to be refused here.
        saving::check(&kept.state)?;
        Ok(kept)
    }

    pub(super) fn group_id(&self) -> Option<GroupId> {
        GroupId::parse(self.request.message.group_id())
    }

    /// Whether it was made for that.
    pub(super) fn is_for(&self, old_leaf: Option<OldLeaf>) -> bool {
        self.wish == old_leaf.into()
    }

    /// What to send.
    pub(super) fn body(&self) -> Result<Bytes, GroupError> {
        Ok(wire::encode(&self.request)?.into())
    }

    /// Puts the tree beside it, if it has left that out: to the hub it is the same join (S10).
    pub(super) fn attach_tree(&mut self) -> bool {
        let complete = self.complete.take();
        let is_new = complete.is_some();
        self.request.commit_data.group_info = complete.or(self.request.commit_data.group_info.take());
        is_new
    }

    pub(super) fn accepted(&self) -> Option<SendResponse> {
        self.accepted
    }

    /// The hub has sequenced it.
    pub(super) fn accept(&mut self, response: SendResponse) {
        self.accepted = Some(response);
    }

    /// Keeps it as it is.
    pub(super) async fn keep<K: Keep>(&self, keep: &mut K) -> Result<(), SaveError> {
        let bytes = Zeroizing::new(wire::encode(self).map_err(GroupError::from)?);
        keep.keep_join(self.request.message.group_id(), &bytes).await.map_err(SaveError::Keep)
    }

    /// Puts the group that it led to in the place of what was stored. A process that dies in between does it again, as long
    /// as the join is kept.
    pub(super) async fn install<C: MlsConfig, K: Keep>(
        &self,
        client: &Client<C>,
        keep: &mut K,
    ) -> Result<PartitionedGroup<C>, SaveError> {
        let id = self.request.message.group_id();
        keep.forget(id).await.map_err(SaveError::Keep)?;
        keep.keep(id, &self.state).await.map_err(SaveError::Keep)?;
        let state = GroupState { id: id.to_vec(), data: self.stored.clone() };
        let epochs = self.epochs.iter().map(|epoch| EpochRecord::new(epoch.id, epoch.data.clone())).collect();
        let written = client.group_state_storage().write(state, epochs, Vec::new());
        written.map_err(|error| GroupError::Storage(MlsError::GroupStorageError(error.into_any_error())))?;
        let group = PartitionedGroup::load(client, id, &self.state)?.ok_or(GroupError::SavedState)?;
        keep.forget_join(id).await.map_err(SaveError::Keep)?;
        Ok(group)
    }
}

impl From<Option<OldLeaf>> for Wish {
    fn from(old_leaf: Option<OldLeaf>) -> Self {
        match old_leaf {
            None => Self::New,
            Some(OldLeaf::Own) => Self::OwnLeaf,
            Some(OldLeaf::At(leaf)) => Self::LeafAt(leaf),
        }
    }
}
