//! By what a commit refers to a proposal that was sent before it (RFC 9420 §5.2, §12.4).
//!
//! Nothing is built: a reference is a hash of bytes as they were received, and the references in a commit are found by
//! walking over its list of proposals.

use mls_rs_codec::MlsDecode;

use super::{
    CipherSuite, ContentType, Sender, Walk, WireFormat, WireMessage,
    grammar::{End, proposal, vector},
    suite_hash::ref_hash,
};

const LABEL: &[u8] = b"MLS 1.0 Proposal Reference";

/// A `ProposalRef`, cut to 32 bytes where the hash of the suite is longer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProposalRef([u8; Self::LENGTH]);

impl ProposalRef {
    /// As many bytes as are kept of each.
    pub const LENGTH: usize = 32;

    /// A reference from its bytes.
    pub const fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// The reference of a public proposal in a group with that suite. `None` for every other message, where the proposal
    /// does not tell its end, and where the hash of the suite is not known.
    pub fn of(message: &WireMessage, suite: CipherSuite) -> Option<Self> {
        Self::cut(&proposal_reference(message, suite)?)
    }

    fn cut(hash: &[u8]) -> Option<Self> {
        Some(Self(*hash.first_chunk()?))
    }
}

impl std::fmt::Debug for ProposalRef {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ProposalRef(..)")
    }
}

/// The whole of it: `RefHash(label, AuthenticatedContent)`.
pub(super) fn proposal_reference(message: &WireMessage, suite: CipherSuite) -> Option<Vec<u8>> {
    let is_public_proposal =
        message.wire_format() == WireFormat::PublicMessage && message.content_type() == ContentType::Proposal;
    if !is_public_proposal || !message.is_delimited() {
        return None;
    }
    // `AuthenticatedContent` is what stands between the version and the membership tag.
    const VERSION: usize = 2;
    let end = content_end(message).ok()?;
    ref_hash(suite, LABEL, message.bytes().get(VERSION..end)?)
}

/// Where the signature of a public proposal ends.
fn content_end(message: &WireMessage) -> Walk<usize> {
    let mut reader = message.public_content();
    proposal(&mut reader)?;
    vector(&mut reader)?; // signature
    if matches!(message.sender(), Some(Sender::Member(_))) {
        vector(&mut &*reader)?; // membership_tag
    }
    Ok(message.bytes().len() - reader.len())
}

impl WireMessage {
    /// The `ProposalType` of a public proposal; `None` for every other message.
    pub fn proposal_type(&self) -> Option<u16> {
        let is_public_proposal =
            self.wire_format() == WireFormat::PublicMessage && self.content_type() == ContentType::Proposal;
        is_public_proposal.then(|| u16::mls_decode(&mut self.public_content()).ok()).flatten()
    }

    /// The proposals that a public commit takes up by reference, in its order; at most `limit`. `None` when there are
    /// more, when the message is no public commit, and where a proposal stands among them whose end is not known.
    pub fn proposal_refs(&self, limit: usize) -> Option<Vec<ProposalRef>> {
        if self.wire_format() != WireFormat::PublicMessage || self.content_type() != ContentType::Commit {
            return None;
        }
        let mut proposals = vector(&mut self.public_content()).ok()?;
        let mut found = Vec::new();
        while !proposals.is_empty() {
            match u8::mls_decode(&mut proposals).ok()? {
                1 if proposal(&mut proposals).ok()? == End::Found => {}
                2 if found.len() < limit => found.push(ProposalRef::cut(vector(&mut proposals).ok()?)?),
                _ => return None,
            }
        }
        Some(found)
    }
}
