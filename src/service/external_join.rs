//! Joining from outside (draft §4.5).
//!
//! The place of an external commit is where its signature verifies. That takes GroupInfos and a signature for each
//! candidate, so it is found out from a snapshot, off the lane; the lane asks whether it still is a candidate.

use std::sync::Arc;

use super::{
    Error, Service, Submitter,
    outside::{Outside, proof_bytes},
    send::{bytes_of, sent},
};
use crate::{
    mls::{ExternalCommit, Proof},
    sequencer::{
        Announcement, BlobKey, Candidate, Command, Credit, Ground, GroupKey, Join, Preflight, Receipt, Rejection,
        RepeatKey, Sight, SizeLimit,
    },
    wire::{ExternalJoinRequest, JoinToken, MaskedPartitionKey, SendResponse, ServiceProviderId},
};

/// Where an external commit belongs.
enum Place {
    /// Where it was sequenced before.
    Known(Receipt),
    /// In this partition.
    Found(MaskedPartitionKey, Ground),
    /// Nowhere: it was tried on so many candidates.
    Nowhere { tried: usize },
}

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
        let policy = self.policy();
        let length = request.message.bytes().len();
        if length > policy.sizes.handshake {
            return Err(Rejection::TooLarge(SizeLimit::Handshake(policy.sizes.handshake)).into());
        }
        let group = GroupKey::of(request.message.group_id());
        let bytes = bytes_of(&request.message, Some(&request.commit_data));
        let (now, charge) = self.charge(submitter, group, bytes)?;
        let (submitter, _user) = self.actor(submitter);
        let admitted = self.vain_proofs.admit(&submitter, now);
        let token = token.is_some_and(|token| self.opens(token, &group));
        let memory = self.pages.lend(&submitter, proof_bytes(length, &policy)).await?;
        let (asker, joins) = (submitter.clone(), commit.clone());
        let place = self
            .read_elsewhere(move |snapshot| {
                let _memory = memory;
                let outside = Outside { snapshot, group, policy: &policy, now };
                place(&outside, &joins, &asker, token, admitted)
            })
            .await?;
        let (partition, ground) = match place {
            Place::Known(receipt) => {
                self.settle_charge(charge, now, receipt.accepted_ms);
                return Ok(receipt.into());
            }
            Place::Found(partition, ground) => (partition, ground),
            Place::Nowhere { tried } => {
                self.vain_proofs.count(&submitter, tried, now);
                return Err(Rejection::StaleJoin.into());
            }
        };
        let announcement = Announcement {
            next: request.commit_data.next_partition_key.masked(),
            group_info: request.commit_data.group_info,
            welcome_data: request.commit_data.welcome_data,
            preflight: Preflight::NotAsked,
        };
        let sight = Sight::NotLooked;
        let join = Join { submitter, partition, ground, commit, announcement, sight };
        let response = sent(self.lanes.submit(group, Command::Join(Box::new(join)), None).await?)?;
        self.settle_charge(charge, now, response.accepted_ms);
        Ok(response)
    }
}

/// Tries the candidates. Of several with one GroupContext, which whoever publishes another's GroupInfo can make, the one
/// that others have followed is taken, or else the one that was announced first.
fn place(
    outside: &Outside<'_>,
    commit: &ExternalCommit,
    asker: &ServiceProviderId,
    token: bool,
    admitted: Result<(), Error>,
) -> Result<Place, Error> {
    let (group, known) = outside.arrive(&RepeatKey::in_group(commit.message()))?;
    if let Some(receipt) = known {
        return Ok(Place::Known(receipt));
    }
    admitted?;
    let mut proven: Option<(Credit, MaskedPartitionKey, BlobKey)> = None;
    let mut unproven = None;
    let candidates = outside.candidates(commit.epoch())?;
    let tried = candidates.len();
    for Candidate { partition, group_info, is_dominant, credit } in candidates {
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
        return Ok(Place::Found(partition, Ground::Proof(key)));
    }
    match unproven {
        Some((partition, group_info)) if token || group.users.contains(asker) => {
            Ok(Place::Found(partition, Ground::Dominance { token, group_info }))
        }
        Some(_) | None => Ok(Place::Nowhere { tried }),
    }
}
