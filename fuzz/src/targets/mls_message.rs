//! A message of a group, as a sender gives it: head and extent, and what is made of it in handshakes from outside.

use super::super::structures::is_canonical;
use restante::{
    mls::{CipherSuite, ExternalCommit, ExternalProposal, ProposalRef, WireMessage},
    wire,
};

/// More proposals than a hub looks up for a commit.
const REFERENCES: usize = 1000;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    is_canonical::<WireMessage>(input);
    let Ok(message) = wire::decode::<WireMessage>(input) else { return };
    assert!(message.group_id().len() + message.authenticated_data().len() < input.len());
    assert_eq!(message.bytes(), input);
    message.digest();
    message.proposal_type();
    message.proposal_refs(REFERENCES);
    // Every suite that has a hash, and one that has none.
    for suite in 0..=8 {
        ProposalRef::of(&message, CipherSuite(suite));
    }
    if let Ok(commit) = ExternalCommit::of(&message) {
        assert_eq!(commit.epoch(), message.epoch());
        ExternalCommit::may_take_up(&message);
    }
    if let Ok(proposal) = ExternalProposal::of(&message) {
        assert_eq!(proposal.epoch(), message.epoch());
        if let Some(key_package) = proposal.key_package() {
            assert!(key_package.bytes().len() < input.len());
        }
        proposal.own_proof(CipherSuite(1));
    }
}
