//! A proposal of somebody who is not a member (RFC 9420 §12.1.8), and what its signature covers.

use std::ops::Range;

use mls_rs_codec::MlsDecode;

use super::{
    CipherSuite, ContentType, EpochNumber, ProtocolVersion, Sender, Walk, WireFormat, WireKeyPackage, WireMessage,
    grammar::{key_package, located, proposal, vector},
};

const ADD: u16 = 1;

/// Why a message is not an external proposal. A closed set, and no word of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotAnExternalProposal {
    /// It is no PublicMessage with a proposal, or its sender is a member.
    Sender,
    /// A new member proposes something other than to be added.
    Proposal,
}

impl NotAnExternalProposal {
    /// What is wrong, in a sentence without any of the bytes.
    pub fn text(self) -> &'static str {
        match self {
            Self::Sender => "an external proposal is a PublicMessage from external or new_member_proposal",
            Self::Proposal => "a new member proposes to be added, and nothing else",
        }
    }
}

/// With whose key a proposal is signed.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Signer {
    /// That of the KeyPackage in it, which is of this suite.
    NewMember(CipherSuite, Range<usize>),
    /// That of the sender with this place in the `external_senders` of the GroupContext.
    External(u32),
}

/// A message that has the form of an external proposal.
///
/// # Privacy
/// `Debug` shows the size only.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalProposal {
    message: WireMessage,
    signer: Signer,
    /// Where the `FramedContent` ends, and the signature; unknown for proposals that do not tell where they end.
    signed: Option<(usize, Range<usize>)>,
}

impl ExternalProposal {
    /// Looks into a message.
    ///
    /// # Errors
    /// The rule that the message breaks.
    pub fn of(message: &WireMessage) -> Result<Self, NotAnExternalProposal> {
        if message.wire_format() != WireFormat::PublicMessage || message.content_type() != ContentType::Proposal {
            return Err(NotAnExternalProposal::Sender);
        }
        let sender = match message.sender() {
            Some(sender @ (Sender::External(_) | Sender::NewMemberProposal)) => sender,
            Some(Sender::Member(_) | Sender::NewMemberCommit) | None => return Err(NotAnExternalProposal::Sender),
        };
        let (signer, signed) = walk(message, sender)
            .map_err(|_| NotAnExternalProposal::Proposal)?
            .ok_or(NotAnExternalProposal::Proposal)?;
        Ok(Self { message: message.clone(), signer, signed })
    }

    /// The message as it was received.
    pub fn message(&self) -> &WireMessage {
        &self.message
    }

    /// The epoch that it is for.
    pub fn epoch(&self) -> EpochNumber {
        self.message.epoch()
    }

    /// The KeyPackage of a new member who proposes to be added.
    pub fn key_package(&self) -> Option<WireKeyPackage> {
        let Signer::NewMember(..) = self.signer else { return None };
        let mut content = self.message.public_content();
        let _add = u16::mls_decode(&mut content).ok()?;
        WireKeyPackage::mls_decode(&mut content).ok()
    }

    /// Whether the signature can be checked without the group's state.
    pub fn is_from_new_member(&self) -> bool {
        matches!(self.signer, Signer::NewMember(..))
    }

    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the check of signatures looks at it"))]
    pub(super) fn signer(&self) -> &Signer {
        &self.signer
    }

    /// `FramedContentTBS`, which for these senders holds no `GroupContext`, and the signature without its length.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the check of signatures looks at it"))]
    pub(super) fn signed(&self) -> Option<(&[u8], &[u8])> {
        let (content_end, signature) = self.signed.clone()?;
        Some((&self.message.bytes()[..content_end], &self.message.bytes()[signature]))
    }
}

impl std::fmt::Debug for ExternalProposal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("ExternalProposal").field("length", &self.message.bytes().len()).finish_non_exhaustive()
    }
}

type Signed = (Signer, Option<(usize, Range<usize>)>);

/// `None` when a new member proposes something else than itself.
fn walk(message: &WireMessage, sender: Sender) -> Walk<Option<Signed>> {
    let start = message.bytes().len();
    let mut reader = message.public_content();
    let signer = match sender {
        Sender::External(index) => Signer::External(index),
        Sender::NewMemberProposal => {
            let mut add = reader;
            if u16::mls_decode(&mut add)? != ADD {
                return Ok(None);
            }
            let mut package = add;
            let (_version, suite) = key_package(&mut package)?;
            // version, cipher_suite, init_key, and of the leaf the encryption_key and the signature_key
            ProtocolVersion::mls_decode(&mut add)?;
            CipherSuite::mls_decode(&mut add)?;
            vector(&mut add)?;
            vector(&mut add)?;
            Signer::NewMember(suite, located(&mut add, start)?)
        }
        Sender::Member(_) | Sender::NewMemberCommit => return Ok(None),
    };
    if !message.is_delimited() {
        return Ok(Some((signer, None)));
    }
    proposal(&mut reader)?;
    let content_end = start - reader.len();
    let signature = located(&mut reader, start)?;
    Ok(Some((signer, Some((content_end, signature)))))
}
