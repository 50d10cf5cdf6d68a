//! One file of marks: a header, then records of 44 bytes. specs/storage.md has the layout.

use restante_gateway::ReplayMark;
use sha2::{Digest as _, Sha256};

/// What a file begins with: its kind and the version of its format.
pub(super) const HEADER: &[u8; 16] = b"restante marks1\n";

/// Digest, expiry, checksum.
pub(super) const RECORD: usize = 32 + 8 + 4;

/// Records that are written at once, and so may be torn at once.
pub(super) const BATCH_MAX: usize = 1024;

pub(super) fn encode(mark: &ReplayMark) -> [u8; RECORD] {
    let mut record = [0; RECORD];
    record[..32].copy_from_slice(&mark.digest);
    record[32..40].copy_from_slice(&mark.expires_ms.to_be_bytes());
    let checksum = checksum(&record[..40]);
    record[40..].copy_from_slice(&checksum);
    record
}

fn checksum(body: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(body);
    [digest[0], digest[1], digest[2], digest[3]]
}

fn decode(record: &[u8; RECORD]) -> Option<ReplayMark> {
    let (digest, rest) = record.split_first_chunk::<32>()?;
    let (expires, sum) = rest.split_first_chunk::<8>()?;
    (checksum(&record[..40]) == *sum)
        .then_some(ReplayMark { digest: *digest, expires_ms: u64::from_be_bytes(*expires) })
}

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) marks: Vec<ReplayMark>,
    /// Something was there and cannot be read any more.
    pub(super) is_damaged: bool,
}

/// Reads a file. What is broken at its end, up to one batch, was being written when the process ended: nobody was
/// answered for it, and it is no damage. Anything else that is broken is.
pub(super) fn read(bytes: &[u8]) -> Read {
    let Some(records) = bytes.strip_prefix(HEADER) else {
        // Begun, and not yet synced.
        return Read { marks: Vec::new(), is_damaged: bytes.len() > HEADER.len() || !HEADER.starts_with(bytes) };
    };
    let (records, rest) = records.as_chunks::<RECORD>();
    let decoded: Vec<Option<ReplayMark>> = records.iter().map(decode).collect();
    let first_broken = decoded.iter().position(Option::is_none).unwrap_or(records.len());
    let torn = records.len() - first_broken + usize::from(!rest.is_empty());
    Read { marks: decoded.into_iter().flatten().collect(), is_damaged: torn > BATCH_MAX }
}
