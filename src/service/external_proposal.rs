//! Proposals of who is not a member (specs/protocol.md, J7).

use std::sync::Arc;

use super::{
    Error, Service, Submitter,
    outside::{Outside, proof_bytes},
    send::sent,
};
use crate::{
    mls::{ExternalProposal, Proof},
    sequencer::{Command, GroupKey, Propose, Receipt, Rejection, RepeatKey, SizeLimit},
    wire::{ExternalProposalRequest, ExternalProposalResponse, MaskedPartitionKey},
};

/// Where an external proposal belongs.
enum Places {
    /// It was sequenced before.
    Known(Receipt),
    /// In these partitions.
    Found(Vec<MaskedPartitionKey>),
    /// Nowhere: it was tried on so many candidates, and this is why.
    Nowhere { tried: usize, rejection: Rejection },
}

impl Service {
    /// Sequences an external proposal into every newest epoch that it is for. `Ok` means that it is durable.
    ///
    /// # Errors
    /// [`Error::Rejected`] when it is refused, any other when its fate is unknown: sending it again is safe.
    pub async fn external_proposal(
        self: &Arc<Self>,
        submitter: &Submitter,
        request: ExternalProposalRequest,
    ) -> Result<ExternalProposalResponse, Error> {
        let proposal = ExternalProposal::of(&request.message).map_err(Rejection::NotAnExternalProposal)?;
        let policy = self.policy();
        let length = request.message.bytes().len();
        if length > policy.sizes.handshake {
            return Err(Rejection::TooLarge(SizeLimit::Handshake(policy.sizes.handshake)).into());
        }
        let group = GroupKey::of(request.message.group_id());
        let (now, charge) = self.charge(submitter, group, length)?;
        let (submitter, _user) = self.actor(submitter);
        let admitted = self.vain_proofs.admit(&submitter, now);
        let memory = self.pages.lend(&submitter, proof_bytes(length, &policy)).await?;
        let proposes = proposal.clone();
        let places = self
            .read_elsewhere(move |snapshot| {
                let _memory = memory;
                places(&Outside { snapshot, group, policy: &policy, now }, &proposes, admitted)
            })
            .await?;
        let accepted_ms = match places {
            Places::Known(receipt) => receipt.accepted_ms,
            Places::Found(partitions) => {
                let propose = Propose { submitter, partitions, proposal };
                sent(self.lanes.submit(group, Command::Propose(Box::new(propose)), None).await?)?.accepted_ms
            }
            Places::Nowhere { tried, rejection } => {
                self.vain_proofs.count(&submitter, tried, now);
                return Err(rejection.into());
            }
        };
        self.settle_charge(charge, now, accepted_ms);
        Ok(ExternalProposalResponse { accepted_ms })
    }
}

/// Every candidate for which the signature is not known to be wrong.
fn places(outside: &Outside<'_>, proposal: &ExternalProposal, admitted: Result<(), Error>) -> Result<Places, Error> {
    let (group, known) = outside.arrive(&RepeatKey::in_group(proposal.message()))?;
    if let Some(receipt) = known {
        return Ok(Places::Known(receipt));
    }
    admitted?;
    let own_proof = proposal.own_proof(group.cipher_suite);
    if own_proof == Proof::Invalid {
        return Ok(Places::Nowhere { tried: 0, rejection: Rejection::InvalidSignature });
    }
    let (mut partitions, mut is_refuted) = (Vec::new(), false);
    let candidates = outside.candidates(proposal.epoch())?;
    let tried = candidates.len();
    for candidate in candidates {
        let proof = match candidate.group_info.filter(|_| !proposal.is_from_new_member()) {
            Some(key) => proposal.proof_for(&outside.group_info(&key)?),
            None => own_proof,
        };
        match proof {
            Proof::Valid | Proof::Unknown => partitions.push(candidate.partition),
            Proof::Invalid => is_refuted = true,
        }
    }
    match (partitions.is_empty(), is_refuted) {
        (false, _) => Ok(Places::Found(partitions)),
        (true, true) => Ok(Places::Nowhere { tried, rejection: Rejection::InvalidSignature }),
        (true, false) => Ok(Places::Nowhere { tried, rejection: Rejection::StaleJoin }),
    }
}
