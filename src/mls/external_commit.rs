//! The form of an external commit (RFC 9420 §12.4.3.2): who joins, what it may hold, and what its signature covers.
//!
//! Nothing is judged here that takes keys or the group's state: see [`super::signature`].

use std::ops::Range;

use mls_rs_codec::MlsDecode;

use super::{
    ContentType, EpochNumber, Sender, Walk, WireFormat, WireMessage,
    grammar::{leaf_node, located, pre_shared_key_id, presence, vector},
};

const ADD: u16 = 1;
const REMOVE: u16 = 3;
const PSK: u16 = 4;
const EXTERNAL_INIT: u16 = 6;
const GROUP_CONTEXT_EXTENSIONS: u16 = 7;

/// Why a message is not an external commit. A closed set, and no word of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotAnExternalCommit {
    /// It is no PublicMessage with a commit, or its sender is not `new_member_commit`.
    Sender,
    /// Its `UpdatePath` is missing: there would be no leaf for the new member.
    Path,
    /// There is no ExternalInit, or more than one.
    ExternalInit,
    /// There is more than one Remove.
    Removes,
    /// A proposal of another type stands in it.
    Proposal,
}

impl NotAnExternalCommit {
    /// What is wrong, in a sentence without any of the bytes.
    pub fn text(self) -> &'static str {
        match self {
            Self::Sender => "an external join is a PublicMessage with a commit from new_member_commit",
            Self::Path => "an external commit has a path",
            Self::ExternalInit => "an external commit has exactly one ExternalInit",
            Self::Removes => "an external commit has at most one Remove",
            Self::Proposal => "an external commit holds ExternalInit, Remove, PSKs and references, and nothing else",
        }
    }
}

/// A message that has the form of an external commit.
///
/// # Privacy
/// `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq)]
pub struct ExternalCommit {
    message: WireMessage,
    /// Where the `FramedContent` ends: up to there everything is signed.
    content_end: usize,
    signature: Range<usize>,
    signature_key: Range<usize>,
    resyncs: bool,
}

impl ExternalCommit {
    /// Looks into a message. A reference to a proposal may mean a SelfRemove: see [`ExternalCommit::may_take_up`].
    ///
    /// # Errors
    /// The first rule that the message breaks.
    pub fn of(message: &WireMessage) -> Result<Self, NotAnExternalCommit> {
        if message.wire_format() != WireFormat::PublicMessage
            || message.content_type() != ContentType::Commit
            || message.sender() != Some(Sender::NewMemberCommit)
        {
            return Err(NotAnExternalCommit::Sender);
        }
        // The message was walked over when it was decoded, but not what stands in its vectors.
        let parts = Parts::walk(message).map_err(|_| NotAnExternalCommit::Proposal)?;
        let Counts { external_inits, removes, others } = parts.counts;
        if others {
            return Err(NotAnExternalCommit::Proposal);
        }
        if external_inits != 1 {
            return Err(NotAnExternalCommit::ExternalInit);
        }
        if removes > 1 {
            return Err(NotAnExternalCommit::Removes);
        }
        let signature_key = parts.signature_key.ok_or(NotAnExternalCommit::Path)?;
        Ok(Self {
            message: message.clone(),
            content_end: parts.content_end,
            signature: parts.signature,
            signature_key,
            resyncs: removes == 1,
        })
    }

    /// Whether an external commit may take up such a proposal by reference, as far as one can tell: a SelfRemove, and no
    /// other that RFC 9420 knows. A type that is registered elsewhere may be one under another number.
    pub fn may_take_up(proposal: &WireMessage) -> bool {
        proposal.proposal_type().is_none_or(|of_rfc_9420| !(ADD..=GROUP_CONTEXT_EXTENSIONS).contains(&of_rfc_9420))
    }

    /// The message as it was received.
    pub fn message(&self) -> &WireMessage {
        &self.message
    }

    /// The epoch that it is for.
    pub fn epoch(&self) -> EpochNumber {
        self.message.epoch()
    }

    /// Whether it removes a leaf: that of a member who has lost its state.
    pub fn is_resync(&self) -> bool {
        self.resyncs
    }

    /// Version, wire format and `FramedContent`: `FramedContentTBS` without the `GroupContext` at its end.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the check of signatures looks at it"))]
    pub(super) fn to_be_signed(&self) -> &[u8] {
        &self.message.bytes()[..self.content_end]
    }

    /// The signature, without its length prefix.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the check of signatures looks at it"))]
    pub(super) fn signature(&self) -> &[u8] {
        &self.message.bytes()[self.signature.clone()]
    }

    /// The `signature_key` of the leaf in the path.
    #[cfg_attr(not(feature = "client"), expect(dead_code, reason = "only the check of signatures looks at it"))]
    pub(super) fn signature_key(&self) -> &[u8] {
        &self.message.bytes()[self.signature_key.clone()]
    }
}

impl std::fmt::Debug for ExternalCommit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ExternalCommit")
            .field("length", &self.message.bytes().len())
            .field("resyncs", &self.resyncs)
            .finish_non_exhaustive()
    }
}

/// What stands in the commit, counted.
#[derive(Default)]
struct Counts {
    external_inits: usize,
    removes: usize,
    others: bool,
}

/// Where the parts of the message are.
struct Parts {
    counts: Counts,
    content_end: usize,
    signature: Range<usize>,
    signature_key: Option<Range<usize>>,
}

impl Parts {
    fn walk(message: &WireMessage) -> Walk<Self> {
        let start = message.bytes().len();
        let mut reader = message.public_content();
        let counts = count(vector(&mut reader)?)?;
        let mut signature_key = None;
        if presence(&mut reader)? {
            let mut leaf = reader;
            vector(&mut leaf)?; // encryption_key
            signature_key = Some(located(&mut leaf, start)?);
            leaf_node(&mut reader)?;
            vector(&mut reader)?; // UpdatePathNodes
        }
        let content_end = start - reader.len();
        let signature = located(&mut reader, start)?;
        Ok(Self { counts, content_end, signature, signature_key })
    }
}

/// Goes over `ProposalOrRef proposals<V>` up to the first proposal that does not belong here: its end need not be known.
fn count(mut proposals: &[u8]) -> Walk<Counts> {
    let mut counts = Counts::default();
    let reader = &mut proposals;
    while !reader.is_empty() {
        match u8::mls_decode(reader)? {
            1 => match u16::mls_decode(reader)? {
                REMOVE => {
                    u32::mls_decode(reader)?;
                    counts.removes += 1;
                }
                PSK => pre_shared_key_id(reader)?,
                EXTERNAL_INIT => {
                    vector(reader)?; // kem_output
                    counts.external_inits += 1;
                }
                _ => {
                    counts.others = true;
                    break;
                }
            },
            2 => drop(vector(reader)?), // reference
            _ => {
                counts.others = true;
                break;
            }
        }
    }
    Ok(counts)
}
