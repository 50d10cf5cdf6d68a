//! A group's message as the hub sees it: the exact bytes and the head.

use std::{fmt, ops::Range};

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use super::{
    EpochNumber, Fault, ProtocolVersion, Walk,
    grammar::{End, content_and_auth, extent, located, vector},
};

/// `WireFormat` of an `MLSMessage` (RFC 9420 §17.2), as far as group messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireFormat {
    /// `mls_public_message(1)`: authenticated, in clear.
    PublicMessage,
    /// `mls_private_message(2)`: encrypted.
    PrivateMessage,
}

/// `ContentType` (RFC 9420 §6). In clear in both wire formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentType {
    /// `application(1)`
    Application,
    /// `proposal(2)`
    Proposal,
    /// `commit(3)`
    Commit,
}

impl MlsDecode for ContentType {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        match u8::mls_decode(reader)? {
            1 => Ok(Self::Application),
            2 => Ok(Self::Proposal),
            3 => Ok(Self::Commit),
            _ => Err(Fault::EnumValue.into()),
        }
    }
}

/// `Sender` of a `PublicMessage` (RFC 9420 §6). A `PrivateMessage` hides it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// `member(1)` and its leaf index.
    Member(u32),
    /// `external(2)` and its index in `external_senders`.
    External(u32),
    /// `new_member_proposal(3)`
    NewMemberProposal,
    /// `new_member_commit(4)`: an external join.
    NewMemberCommit,
}

impl MlsDecode for Sender {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        match u8::mls_decode(reader)? {
            1 => Ok(Self::Member(u32::mls_decode(reader)?)),
            2 => Ok(Self::External(u32::mls_decode(reader)?)),
            3 => Ok(Self::NewMemberProposal),
            4 => Ok(Self::NewMemberCommit),
            _ => Err(Fault::EnumValue.into()),
        }
    }
}

/// An `MLSMessage` with a `PublicMessage` or a `PrivateMessage`: the exact received bytes and the head.
///
/// Decoding moves behind the message, which has no length prefix of its own in the drafts' structures. A message that
/// does not tell where it ends takes all that the reader holds: whoever decodes says how much that is. The bytes are
/// never encoded again: what was received is what is stored, hashed and delivered.
///
/// # Privacy
/// `Debug` shows sizes and types, no group id and no content.
#[derive(Clone, PartialEq, Eq)]
pub struct WireMessage {
    bytes: Bytes,
    head: Head,
}

impl WireMessage {
    /// Reads a message that fills `bytes` to the end.
    ///
    /// # Errors
    /// The codec's error when the bytes are no group message of `mls10`, or when bytes are left over.
    pub fn parse(bytes: &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Self::mls_decode_exhaustive(bytes)
    }

    /// The message as it was received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Whether the message is public or private.
    pub fn wire_format(&self) -> WireFormat {
        self.head.wire_format
    }

    /// The group that the message names.
    pub fn group_id(&self) -> &[u8] {
        &self.bytes[self.head.group_id.clone()]
    }

    /// The epoch that the message names in clear. A claim of its sender, checked by members only.
    pub fn epoch(&self) -> EpochNumber {
        self.head.epoch
    }

    /// Who sent a public message; `None` for a private one.
    pub fn sender(&self) -> Option<Sender> {
        self.head.sender
    }

    /// The `authenticated_data`, in clear in both formats.
    pub fn authenticated_data(&self) -> &[u8] {
        &self.bytes[self.head.authenticated_data.clone()]
    }

    /// Application, proposal or commit.
    pub fn content_type(&self) -> ContentType {
        self.head.content_type
    }

    /// Whether the message tells where it ends. A public message does not when it is a proposal of a type that
    /// neither RFC 9420 nor this program knows: nothing may stand behind it in a list (specs/protocol.md, W14).
    pub fn is_delimited(&self) -> bool {
        self.head.end == End::Found
    }

    /// Of a public message, what follows the `content_type`: the content, and how it is authenticated.
    pub(super) fn public_content(&self) -> &[u8] {
        const CONTENT_TYPE: usize = 1;
        &self.bytes[self.head.authenticated_data.end + CONTENT_TYPE..]
    }

    /// SHA-256 of the whole `MLSMessage`.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.bytes).into()
    }
}

impl fmt::Debug for WireMessage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WireMessage")
            .field("wire_format", &self.head.wire_format)
            .field("content_type", &self.head.content_type)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl MlsSize for WireMessage {
    fn mls_encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl MlsEncode for WireMessage {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Walk<()> {
        writer.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl MlsDecode for WireMessage {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        let start = *reader;
        let (bytes, head) = extent(reader, |reader| Head::walk(reader, start.len()))?;
        Ok(Self { bytes: Bytes::copy_from_slice(bytes), head })
    }
}

/// What is in clear, and where in the bytes.
#[derive(Clone, PartialEq, Eq)]
struct Head {
    wire_format: WireFormat,
    group_id: Range<usize>,
    epoch: EpochNumber,
    sender: Option<Sender>,
    authenticated_data: Range<usize>,
    content_type: ContentType,
    end: End,
}

impl Head {
    /// `start` is how many bytes the reader held at the start of the message: offsets count from there.
    fn walk(reader: &mut &[u8], start: usize) -> Walk<Self> {
        ProtocolVersion::mls_decode(reader)?;
        match u16::mls_decode(reader)? {
            1 => {
                let group_id = located(reader, start)?;
                let epoch = EpochNumber::mls_decode(reader)?;
                let sender = Sender::mls_decode(reader)?;
                let authenticated_data = located(reader, start)?;
                let content_type = ContentType::mls_decode(reader)?;
                let end = content_and_auth(reader, content_type)?;
                match end {
                    End::Open => *reader = &[],
                    End::Found if matches!(sender, Sender::Member(_)) => drop(vector(reader)?), // membership_tag
                    End::Found => {}
                }
                Ok(Self {
                    wire_format: WireFormat::PublicMessage,
                    group_id,
                    epoch,
                    sender: Some(sender),
                    authenticated_data,
                    content_type,
                    end,
                })
            }
            2 => {
                let group_id = located(reader, start)?;
                let epoch = EpochNumber::mls_decode(reader)?;
                let content_type = ContentType::mls_decode(reader)?;
                let authenticated_data = located(reader, start)?;
                vector(reader)?; // encrypted_sender_data
                vector(reader)?; // ciphertext
                Ok(Self {
                    wire_format: WireFormat::PrivateMessage,
                    group_id,
                    epoch,
                    sender: None,
                    authenticated_data,
                    content_type,
                    end: End::Found,
                })
            }
            _ => Err(Fault::WireFormat.into()),
        }
    }
}
