//! Proposals of who is not a member (specs/protocol.md, J7).

use std::sync::Arc;

use super::{
    Error, Service, Submitter,
    outside::{Outside, Placed, Unplaced},
    send::sent,
};
use crate::{
    mls::{ExternalProposal, Proof},
    sequencer::{Command, Group, GroupKey, Propose, Rejection},
    wire::{ExternalProposalRequest, ExternalProposalResponse, MaskedPartitionKey},
};

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
        let group = GroupKey::of(request.message.group_id());
        let (now, charge) = self.charge(submitter, group, request.message.bytes().len())?;
        let (submitter, user) = self.actor(submitter);
        let proposes = proposal.clone();
        let find = move |outside: &Outside<'_>, group: &Group| find(outside, group, &proposes);
        let accepted_ms = match self.place((&submitter, user), &request.message, find).await? {
            Placed::Known(receipt) => receipt.accepted_ms,
            Placed::Found(partitions) => {
                let propose = Propose { submitter, partitions, proposal };
                sent(self.lanes.submit(group, Command::Propose(Box::new(propose)), None).await?)?.accepted_ms
            }
        };
        self.settle_charge(charge, now, accepted_ms);
        Ok(ExternalProposalResponse { accepted_ms })
    }
}

/// Every candidate for which the signature is not known to be wrong.
fn find(
    outside: &Outside<'_>,
    group: &Group,
    proposal: &ExternalProposal,
) -> Result<Vec<MaskedPartitionKey>, Unplaced> {
    let own_proof = proposal.own_proof(group.cipher_suite);
    if own_proof == Proof::Invalid {
        return Err(Unplaced::Vain { tried: 0, rejection: Rejection::InvalidSignature });
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
        (false, _) => Ok(partitions),
        (true, true) => Err(Unplaced::Vain { tried, rejection: Rejection::InvalidSignature }),
        (true, false) => Err(Unplaced::Vain { tried, rejection: Rejection::StaleJoin }),
    }
}
