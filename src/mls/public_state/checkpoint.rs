//! A state as bytes: the GroupContext, the confirmation tag and the tree, and next to nothing else.
//!
//! mls-rs has snapshots of its own, which hold the maps of the tree and all its hashes as well. What they hold can be
//! computed, so it is not written. To load, a snapshot with empty maps is made, which mls-rs fills, and the hashes, which
//! it would compute in a way that takes longer.

use bytes::Bytes;
use mls_rs::external_client::ExternalSnapshot;
use mls_rs_codec::{MlsDecode, MlsEncode, byte_vec};

use super::{
    super::{
        CipherSuite, EpochNumber, ProtocolVersion, Walk, WireRatchetTree,
        grammar::{extent, vector},
        suite_hash::suite_hash,
        tree_hash::tree_hashes,
    },
    PublicState,
    observer::observer,
};

/// Raised when the layout changes.
const VERSION: u8 = 1;

/// Bytes that are no checkpoint, or not of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("these bytes are no checkpoint of a group's public state")]
pub struct DamagedCheckpoint;

impl PublicState {
    /// The state as bytes, for [`Self::load`]:
    ///
    /// ```text
    /// struct {
    ///     uint8 version = 1;
    ///     uint8 is_reinitialized;      // 0 or 1
    ///     GroupContext group_context;  // RFC 9420 §8.1
    ///     opaque confirmation_tag<V>;
    ///     optional<Node> ratchet_tree<V>;
    /// } Checkpoint;
    /// ```
    pub fn save(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION, u8::from(self.is_reinitialized)];
        bytes.extend(self.encode_context());
        byte_vec::mls_encode(&self.confirmation_tag, &mut bytes).expect("a tag is short");
        bytes.extend(self.export_tree());
        bytes
    }

    /// Reads a state that was saved. The tree has to have the hash that the GroupContext names; signatures were checked
    /// before it was saved.
    ///
    /// # Errors
    /// The bytes are none that [`Self::save`] made.
    pub fn load(bytes: &[u8]) -> Result<Self, DamagedCheckpoint> {
        Saved::mls_decode_exhaustive(bytes).ok().and_then(|saved| saved.restore()).ok_or(DamagedCheckpoint)
    }
}

/// What a checkpoint holds.
struct Saved {
    is_reinitialized: bool,
    context: Vec<u8>,
    suite: CipherSuite,
    tree_hash: Vec<u8>,
    confirmed_transcript_hash: Vec<u8>,
    confirmation_tag: Bytes,
    tree: WireRatchetTree,
}

impl mls_rs_codec::MlsSize for Saved {
    fn mls_encoded_len(&self) -> usize {
        0 // only decoded
    }
}

impl MlsDecode for Saved {
    fn mls_decode(reader: &mut &[u8]) -> Walk<Self> {
        if u8::mls_decode(reader)? != VERSION {
            return Err(mls_rs_codec::Error::InvalidContent);
        }
        let is_reinitialized = super::super::grammar::presence(reader)?;
        let (context, (suite, tree_hash, confirmed_transcript_hash)) = extent(reader, |reader| {
            ProtocolVersion::mls_decode(reader)?;
            let suite = CipherSuite::mls_decode(reader)?;
            vector(reader)?; // group_id
            EpochNumber::mls_decode(reader)?;
            let tree_hash = vector(reader)?.to_vec();
            let confirmed_transcript_hash = vector(reader)?.to_vec();
            vector(reader)?; // extensions
            Ok((suite, tree_hash, confirmed_transcript_hash))
        })?;
        let context = context.to_vec();
        let confirmation_tag = Bytes::copy_from_slice(vector(reader)?);
        let tree = WireRatchetTree::mls_decode(reader)?;
        Ok(Self { is_reinitialized, context, suite, tree_hash, confirmed_transcript_hash, confirmation_tag, tree })
    }
}

impl Saved {
    fn restore(&self) -> Option<PublicState> {
        let snapshot = self.snapshot()?;
        let group = observer().load_group(ExternalSnapshot::from_bytes(&snapshot).ok()?).ok()?;
        Some(PublicState::of(group, self.confirmation_tag.clone(), self.is_reinitialized))
    }

    /// Version 1 of mls-rs's `ExternalSnapshot`.
    fn snapshot(&self) -> Option<Vec<u8>> {
        /// `TreeIndex`: by signature key, by encryption key, by identity; counts of credential and proposal types.
        const EMPTY_MAPS: [u8; 5] = [0; 5];
        let hashes = tree_hashes(&self.tree, self.suite).ok()?;
        if hashes.root() != self.tree_hash {
            return None;
        }
        let mut tag = Vec::new();
        byte_vec::mls_encode(&self.confirmation_tag, &mut tag).ok()?;
        let interim_transcript_hash = suite_hash(self.suite, &[&self.confirmed_transcript_hash, &tag])?;
        let mut snapshot = Vec::with_capacity(self.context.len() + 2 * self.tree.bytes().len());
        1_u16.mls_encode(&mut snapshot).ok()?; // version
        snapshot.extend(&self.context);
        snapshot.extend([0, 0]); // no proposals, and none of our own
        snapshot.extend(EMPTY_MAPS);
        snapshot.extend(self.tree.bytes());
        let mut encoded = Vec::new();
        for hash in hashes.iter() {
            byte_vec::mls_encode(&hash, &mut encoded).ok()?;
        }
        byte_vec::mls_encode(&encoded, &mut snapshot).ok()?;
        byte_vec::mls_encode(&interim_transcript_hash, &mut snapshot).ok()?;
        snapshot.push(0); // no pending ReInit: `is_reinitialized` says it
        snapshot.extend(tag);
        Some(snapshot)
    }
}
