//! Joining from outside (draft §4.5).
//!
//! The place of an external commit is where its signature verifies. That takes GroupInfos and a signature for each
//! candidate, so it is found out from a snapshot, off the lane; the lane asks whether it still is a candidate.

use std::sync::Arc;

use super::{
    Error, Service, Submitter,
    outside::{Outside, Placed, Unplaced},
    send::{bytes_of, sent},
};
use crate::{
    mls::{ExternalCommit, NotAnExternalCommit, Proof},
    sequencer::{
        Announcement, BlobKey, Candidate, Command, Credit, Ground, Group, GroupKey, Join, Preflight, Rejection, Sight,
    },
    wire::{ExternalJoinRequest, JoinToken, MaskedPartitionKey, SendResponse, ServiceProviderId},
};

impl Service {
    /// Sequences an external commit where it belongs. `Ok` means that it is durable.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: sending it again is safe.
    pub async fn external_join(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: ExternalJoinRequest,
        token: Option<&JoinToken>,
    ) -> Result<SendResponse, Error> {
        let commit = ExternalCommit::of(&request.message).map_err(Rejection::NotAnExternalCommit)?;
        let group = GroupKey::of(request.message.group_id());
        let bytes = bytes_of(&request.message, Some(&request.commit_data));
        let (now, charge) = self.charge(submitter, group, bytes)?;
        let (submitter, user) = self.actor(submitter);
        let token = token.is_some_and(|token| self.opens(token, &group));
        let (asker, joins) = (submitter.clone(), commit.clone());
        let find = move |outside: &Outside<'_>, group: &Group| {
            let (partition, ground) = find(outside, group, &joins, &asker, token)?;
            if outside.takes_up_others(&joins, &partition)? {
                let refused = Rejection::NotAnExternalCommit(NotAnExternalCommit::Proposal);
                return Err(Unplaced::Failed(refused.into()));
            }
            Ok((partition, ground))
        };
        let (partition, ground) = match self.place((&submitter, user), &request.message, find).await? {
            Placed::Known(receipt) => {
                self.settle_charge(charge, now, receipt.accepted_ms);
                return Ok(receipt.into());
            }
            Placed::Found(place) => place,
        };
        let announcement = Announcement {
            next: request.commit_data.next_partition_key.masked(),
            group_info: request.commit_data.group_info,
            welcome_data: request.commit_data.welcome_data,
            preflight: Preflight::NotAsked,
        };
        let sight = Sight::NotLooked;
        let join = Join { submitter, partition, ground, commit, announcement, sight };
        let command = self.look_at(group, user, Command::Join(Box::new(join))).await;
        let response = sent(self.lanes.submit(group, command, None).await?)?;
        self.settle_charge(charge, now, response.accepted_ms);
        Ok(response)
    }
}

/// Tries the candidates. Of several with one GroupContext, which whoever publishes another's GroupInfo can make, the one
/// that others have followed is taken, or else the one that was announced first.
fn find(
    outside: &Outside<'_>,
    group: &Group,
    commit: &ExternalCommit,
    asker: &ServiceProviderId,
    token: bool,
) -> Result<(MaskedPartitionKey, Ground), Unplaced> {
    let mut proven: Option<(Credit, MaskedPartitionKey, BlobKey)> = None;
    let mut unproven = None;
    let candidates = outside.candidates(commit.epoch())?;
    let tried = candidates.len();
    for Candidate { partition, group_info, is_dominant, credit, published_bytes: _ } in candidates {
        let proof = match &group_info {
            Some(key) => commit.proof_for(&outside.group_info(key)?),
            None => Proof::Unknown,
        };
        match (proof, group_info) {
            (Proof::Valid, Some(key)) if proven.as_ref().is_none_or(|(best, ..)| credit > *best) => {
                proven = Some((credit, partition, key));
            }
            (Proof::Unknown, _) if is_dominant => unproven = Some((partition, group_info)),
            (Proof::Valid | Proof::Invalid | Proof::Unknown, _) => {}
        }
    }
    if let Some((_, partition, key)) = proven {
        return Ok((partition, Ground::Proof(key)));
    }
    match unproven {
        Some((partition, group_info)) if token || group.users.contains(asker) => {
            Ok((partition, Ground::Dominance { token, group_info }))
        }
        Some(_) | None => Err(Unplaced::Vain { tried, rejection: Rejection::StaleJoin }),
    }
}
