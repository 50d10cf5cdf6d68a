//! A GroupInfo: the exact bytes and the facts that a hub can compare without keys.

use std::{fmt, ops::Range};

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::{
    CipherSuite, EpochNumber, Fault, ProtocolVersion, Walk, WireRatchetTree,
    grammar::{extent, vector},
};

/// `ratchet_tree` (RFC 9420 §17.3).
const RATCHET_TREE: u16 = 0x0002;

/// An `MLSMessage` with a `GroupInfo` (RFC 9420 §12.4.3).
///
/// # Privacy
/// `Debug` shows the epoch's presence and sizes, no group id and no content.
#[derive(Clone, PartialEq, Eq)]
pub struct WireGroupInfo {
    bytes: Bytes,
    cipher_suite: CipherSuite,
    epoch: EpochNumber,
    signer: u32,
    group_context: Range<usize>,
    group_id: Range<usize>,
    tree_hash: Range<usize>,
    confirmation_tag: Range<usize>,
    signature: Range<usize>,
    has_ratchet_tree: bool,
}

impl WireGroupInfo {
    /// The message as it was received.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The group that it describes.
    pub fn group_id(&self) -> &[u8] {
        &self.bytes[self.group_id.clone()]
    }

    /// The epoch that it describes.
    pub fn epoch(&self) -> EpochNumber {
        self.epoch
    }

    /// The suite of the group.
    pub fn cipher_suite(&self) -> CipherSuite {
        self.cipher_suite
    }

    /// The `tree_hash` of the GroupContext.
    pub fn tree_hash(&self) -> &[u8] {
        &self.bytes[self.tree_hash.clone()]
    }

    /// The encoded `GroupContext` (RFC 9420 §8.1).
    pub fn group_context(&self) -> &[u8] {
        &self.bytes[self.group_context.clone()]
    }

    /// The `confirmation_tag` of the epoch, without its length prefix.
    pub fn confirmation_tag(&self) -> &[u8] {
        &self.bytes[self.confirmation_tag.clone()]
    }

    /// The leaf index of whoever signed it.
    pub fn signer(&self) -> u32 {
        self.signer
    }

    /// The encoded `GroupInfoTBS`: what `signature` covers.
    pub fn to_be_signed(&self) -> &[u8] {
        // The signature's length prefix stands between the TBS and the signature; the walk recorded where it begins.
        &self.bytes[self.group_context.start..self.signature_prefix()]
    }

    /// The signature, without its length prefix.
    pub fn signature(&self) -> &[u8] {
        &self.bytes[self.signature.clone()]
    }

    /// Whether it carries a `ratchet_tree` extension.
    pub fn has_ratchet_tree(&self) -> bool {
        self.has_ratchet_tree
    }

    /// The tree of its `ratchet_tree` extension, if it has one that can be read.
    pub fn ratchet_tree(&self) -> Option<WireRatchetTree> {
        let mut extensions = vector(&mut self.behind_context()).ok()?;
        while !extensions.is_empty() {
            let kind = u16::mls_decode(&mut extensions).ok()?;
            let content = vector(&mut extensions).ok()?;
            if kind == RATCHET_TREE {
                return WireRatchetTree::mls_decode_exhaustive(content).ok();
            }
        }
        None
    }

    /// What follows the GroupContext: the extensions of the GroupInfo, and the rest.
    pub(super) fn behind_context(&self) -> &[u8] {
        &self.bytes[self.group_context.end..]
    }

    fn signature_prefix(&self) -> usize {
        self.confirmation_tag.end + size_of::<u32>()
    }
}

impl fmt::Debug for WireGroupInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("WireGroupInfo")
            .field("has_ratchet_tree", &self.has_ratchet_tree)
            .field("length", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl MlsSize for WireGroupInfo {
    fn mls_encoded_len(&self) -> usize {
        self.bytes.len()
    }
}

impl MlsEncode for WireGroupInfo {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Walk<()> {
        writer.extend_from_slice(&self.bytes);
        Ok(())
    }
}

impl MlsDecode for WireGroupInfo {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        let start = reader.len();
        let located = |reader: &mut &[u8]| -> Walk<Range<usize>> {
            let length = vector(reader)?.len();
            let end = start - reader.len();
            Ok(end - length..end)
        };
        let (bytes, mut found) = extent(reader, |reader| {
            ProtocolVersion::mls_decode(reader)?;
            if u16::mls_decode(reader)? != 4 {
                return Err(Fault::WireFormat.into());
            }
            let context_start = start - reader.len();
            ProtocolVersion::mls_decode(reader)?;
            let cipher_suite = CipherSuite::mls_decode(reader)?;
            let group_id = located(reader)?;
            let epoch = EpochNumber::mls_decode(reader)?;
            let tree_hash = located(reader)?;
            vector(reader)?; // confirmed_transcript_hash
            vector(reader)?; // extensions of the GroupContext
            let group_context = context_start..start - reader.len();
            let has_ratchet_tree = contains_ratchet_tree(vector(reader)?)?;
            let confirmation_tag = located(reader)?;
            let signer = u32::mls_decode(reader)?;
            let signature = located(reader)?;
            Ok(Self {
                bytes: Bytes::new(),
                cipher_suite,
                epoch,
                signer,
                group_context,
                group_id,
                tree_hash,
                confirmation_tag,
                signature,
                has_ratchet_tree,
            })
        })?;
        found.bytes = Bytes::copy_from_slice(bytes);
        Ok(found)
    }
}

fn contains_ratchet_tree(mut extensions: &[u8]) -> Walk<bool> {
    let mut found = false;
    while !extensions.is_empty() {
        found |= u16::mls_decode(&mut extensions)? == RATCHET_TREE;
        vector(&mut extensions)?;
    }
    Ok(found)
}
