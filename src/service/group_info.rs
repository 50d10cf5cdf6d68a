//! Giving away the GroupInfo of a group (draft §4.5).

use std::sync::Arc;

use mls_rs_codec::MlsSize;

use super::{Error, Lent, Service, Submitter, outside::Outside};
use crate::{
    sequencer::{GroupInfoAccess, GroupKey, Rejection, State, publisher},
    store,
    wire::{GroupInfoRequest, GroupInfoResponse, JoinToken, MaskedPartitionKey, decode},
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
        // As it is read, and as it is decoded; the tree beside it counts into its size.
        let mut memory = self.pages.lend(&asker, 2 * policy.sizes.group_info as u64).await?;
        let (mut response, partition) = self
            .read_elsewhere(move |snapshot| {
                let outside = Outside { snapshot, group, policy: &policy, now };
                let view = outside.view();
                let record = view.group()?.ok_or(Rejection::NoGroupInfo)?;
                record.require_open().map_err(|_| Rejection::NoGroupInfo)?;
                let may_have_it = match policy.group_info {
                    GroupInfoAccess::Peers => record.users.contains(&asker),
                    GroupInfoAccess::Token => token,
                    GroupInfoAccess::Open => true,
                };
                if !may_have_it {
                    return Err(Rejection::NoGroupInfo.into());
                }
                let highest = snapshot.highest_head(&group)?;
                let (key, partition) = publisher(&view, highest.as_ref(), &policy)?.ok_or(Rejection::NoGroupInfo)?;
                // Who has no member any more has used the group once, and does not now.
                if policy.group_info == GroupInfoAccess::Peers && !record.is_used_by(&asker, &partition) {
                    return Err(Rejection::NoGroupInfo.into());
                }
                let group_info = partition.group_info.ok_or(Rejection::NoGroupInfo)?;
                let ratchet_tree = match &partition.ratchet_tree {
                    Some(tree) => {
                        let blob = snapshot.blob(&group, tree)?.ok_or(store::Error::Corrupt("list of trees"))?;
                        Some(decode(&blob).map_err(|_| store::Error::Corrupt("tree"))?)
                    }
                    None => None,
                };
                let response = GroupInfoResponse { group_info: outside.group_info(&group_info)?, ratchet_tree };
                Ok((response, key))
            })
            .await?;
        if response.ratchet_tree.is_none() && !response.group_info.has_ratchet_tree() {
            response.ratchet_tree = Some(self.inferred_tree(group, partition).await?.ok_or(Rejection::NoGroupInfo)?);
        }
        memory.keep(response.mls_encoded_len() as u64);
        Ok(GroupInfoAnswer { response, partition, memory })
    }
}
