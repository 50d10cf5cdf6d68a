//! The values of the rows.
//!
//! Records are in TLS presentation language, as on the wire. A message is stored as
//! `uint64 accepted_ms; uint8 kind; [opaque next[32]; [opaque group_info[32]; uint32 length;]] opaque message[..]`
//! with kind 0 for no commit, 1 for a commit, 2 for a commit with a GroupInfo.

use bytes::Bytes;
use mls_rs_codec::{MlsDecode, MlsEncode};

use crate::{
    sequencer::{BlobKey, Entry, EntryCommit, UnixMillis},
    store::Error,
    wire::MaskedPartitionKey,
};

const PLAIN: u8 = 0;
const COMMIT: u8 = 1;
const COMMIT_WITH_GROUP_INFO: u8 = 2;

/// Encodes a record of ours.
pub(super) fn encode<T: MlsEncode>(record: &T, what: &'static str) -> Result<Vec<u8>, Error> {
    // Only vectors of more than 2^30 bytes cannot be encoded, and no record comes near.
    record.mls_encode_to_vec().map_err(|_| Error::Corrupt(what))
}

/// Decodes a record of ours.
pub(super) fn decode<T: MlsDecode>(value: &[u8], what: &'static str) -> Result<T, Error> {
    T::mls_decode_exhaustive(value).map_err(|_| Error::Corrupt(what))
}

pub(super) fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut value = Vec::with_capacity(entry.message.len() + 80);
    value.extend_from_slice(&entry.accepted_ms.to_be_bytes());
    match &entry.commit {
        None => value.push(PLAIN),
        Some(EntryCommit { next, group_info: None }) => {
            value.push(COMMIT);
            value.extend_from_slice(next.as_bytes());
        }
        Some(EntryCommit { next, group_info: Some((key, length)) }) => {
            value.push(COMMIT_WITH_GROUP_INFO);
            value.extend_from_slice(next.as_bytes());
            value.extend_from_slice(&key.0);
            value.extend_from_slice(&length.to_be_bytes());
        }
    }
    value.extend_from_slice(&entry.message);
    value
}

pub(super) fn decode_entry(value: &[u8]) -> Result<Entry, Error> {
    entry(value).ok_or(Error::Corrupt("message"))
}

fn entry(value: &[u8]) -> Option<Entry> {
    let (accepted_ms, value) = value.split_first_chunk::<8>()?;
    let (kind, mut value) = value.split_first()?;
    let mut take = |length: usize| {
        let (taken, rest) = value.split_at_checked(length)?;
        value = rest;
        Some(taken)
    };
    let commit = match *kind {
        PLAIN => None,
        COMMIT => Some(EntryCommit { next: MaskedPartitionKey::new(take(32)?.try_into().ok()?), group_info: None }),
        COMMIT_WITH_GROUP_INFO => Some(EntryCommit {
            next: MaskedPartitionKey::new(take(32)?.try_into().ok()?),
            group_info: Some((BlobKey(take(32)?.try_into().ok()?), u32::from_be_bytes(take(4)?.try_into().ok()?))),
        }),
        _ => return None,
    };
    let accepted_ms = UnixMillis::from_be_bytes(*accepted_ms);
    Some(Entry { accepted_ms, message: Bytes::copy_from_slice(value), commit })
}
