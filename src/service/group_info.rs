//! Giving away the GroupInfo of a group (draft §4.5).

use std::sync::Arc;

use mls_rs_codec::MlsSize;

use super::{Error, Lent, Service, Submitter, outside::Outside};
use crate::{
    sequencer::{BlobKey, GroupInfoAccess, GroupKey, Partition, Rejection, State, publisher},
    store::{self, Snapshot},
    wire::{GroupInfoRequest, GroupInfoResponse, JoinToken, MaskedPartitionKey, ServiceProviderId, decode},
};

/// A GroupInfo on its way, and the memory that it takes.
#[derive(Debug)]
pub struct GroupInfoAnswer {
    /// What goes on the wire.
    pub response: GroupInfoResponse,
    /// The partition of the epoch that it describes.
    pub partition: MaskedPartitionKey,
    /// As much as the response's encoding is long.
    pub memory: Lent,
}

impl Service {
    /// The GroupInfo with which somebody may join the group.
    ///
    /// # Privacy
    /// An unknown group, one without a GroupInfo, and one whose GroupInfo the asker may not have are refused the same.
    ///
    /// # Errors
    /// [`Error::Rejected`], [`Error::Overloaded`] when there is no memory for the answer, or the store's.
    pub async fn group_info(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: &GroupInfoRequest,
        token: Option<&JoinToken>,
    ) -> Result<GroupInfoAnswer, Error> {
        let (policy, now) = (self.policy(), self.now());
        let group = GroupKey::of(&request.group_id);
        let (asker, _user) = self.actor(submitter);
        let token = token.is_some_and(|token| self.opens(token, &group));
        let (key, published) = {
            let (policy, asker) = (policy.clone(), asker.clone());
            let look =
                move |snapshot: &dyn Snapshot| look(&Outside { snapshot, group, policy: &policy, now }, &asker, token);
            self.read_elsewhere(look).await?
        };
        // As it is read, and as it is decoded.
        let mut memory = self.pages.lend(&asker, published.published_bytes.saturating_mul(2)).await?;
        let mut response = self
            .read_elsewhere(move |snapshot| read(&Outside { snapshot, group, policy: &policy, now }, &published))
            .await?;
        if response.ratchet_tree.is_none() && !response.group_info.has_ratchet_tree() {
            // As it is written down, and as it is decoded: made before there is memory, it would wait for that in memory.
            let weight = self.state_weight(group, key).await?.ok_or(Rejection::NoGroupInfo)?;
            let needed = memory.bytes().saturating_add(weight.saturating_mul(2));
            if let Some(more) = self.pages.lend_more(&asker, memory.bytes(), needed).await? {
                memory.merge(more);
            }
            response.ratchet_tree = Some(self.inferred_tree(group, key).await?.ok_or(Rejection::NoGroupInfo)?);
        }
        let length = response.mls_encoded_len() as u64;
        if let Some(more) = self.pages.lend_more(&asker, memory.bytes(), length).await? {
            memory.merge(more);
        }
        memory.keep(length);
        Ok(GroupInfoAnswer { response, partition: key, memory })
    }
}

/// The partition whose GroupInfo the asker is given, if it may have one.
fn look(
    outside: &Outside<'_>,
    asker: &ServiceProviderId,
    token: bool,
) -> Result<(MaskedPartitionKey, Arc<Partition>), Error> {
    let (view, policy) = (outside.view(), outside.policy);
    let record = view.group()?.ok_or(Rejection::NoGroupInfo)?;
    record.require_open().map_err(|_| Rejection::NoGroupInfo)?;
    let may_have_it = match policy.group_info {
        GroupInfoAccess::Peers => record.users.contains(asker),
        GroupInfoAccess::Token => token,
        GroupInfoAccess::Open => true,
    };
    if !may_have_it {
        return Err(Rejection::NoGroupInfo.into());
    }
    let highest = outside.snapshot.highest_head(&outside.group)?;
    let (key, partition) = publisher(&view, highest.as_ref(), policy)?.ok_or(Rejection::NoGroupInfo)?;
    // Who has no member any more has used the group once, and does not now.
    if policy.group_info == GroupInfoAccess::Peers && !record.is_used_by(asker, &partition) {
        return Err(Rejection::NoGroupInfo.into());
    }
    Ok((key, partition))
}

/// What was published of it. Retention may have been there while there was no memory for it.
fn read(outside: &Outside<'_>, partition: &Partition) -> Result<GroupInfoResponse, Error> {
    let blob = |key: &BlobKey| -> Result<_, Error> {
        Ok(outside.snapshot.blob(&outside.group, key)?.ok_or(Rejection::NoGroupInfo)?)
    };
    let group_info = blob(&partition.group_info.ok_or(Rejection::NoGroupInfo)?)?;
    let group_info = decode(&group_info).map_err(|_| store::Error::Corrupt("GroupInfo"))?;
    let ratchet_tree = match &partition.ratchet_tree {
        Some(tree) => Some(decode(&blob(tree)?).map_err(|_| store::Error::Corrupt("tree"))?),
        None => None,
    };
    Ok(GroupInfoResponse { group_info, ratchet_tree })
}
