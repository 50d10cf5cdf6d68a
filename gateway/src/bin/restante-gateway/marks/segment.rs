//! One file of marks: a header, then records of 48 bytes. specs/storage.md has the layout.
//!
//! # Correctness
//! Records are written in batches, and a batch is begun when the one before is on the disk. Each record says where its
//! batch begins. So what is broken before the place at which some batch begins was whole once, and the disk has lost it;
//! what is broken behind the last such place was being written when the process or the machine ended, and nobody was
//! answered for it.

use restante_gateway::ReplayMark;

use super::checksum::checksum;

/// What a file begins with: its kind and the version of its format.
pub(super) const HEADER: &[u8; 16] = b"restante marks2\n";

/// Digest, expiry, place of the batch, checksum.
pub(super) const RECORD: usize = 32 + 8 + 4 + 4;

/// Records that are written at once, and so may be torn at once.
pub(super) const BATCH_MAX: usize = 1024;

/// Adds a batch that begins at this place of its file, counted in records.
pub(super) fn encode(marks: impl IntoIterator<Item = ReplayMark>, batch: u32, records: &mut Vec<u8>) {
    for mark in marks {
        let begins = records.len();
        records.extend_from_slice(&mark.digest);
        records.extend_from_slice(&mark.expires_ms.to_be_bytes());
        records.extend_from_slice(&batch.to_be_bytes());
        let sum = checksum(&records[begins..]);
        records.extend_from_slice(&sum);
    }
}

/// The mark, and the place at which its batch begins.
fn decode(record: &[u8; RECORD], place: usize) -> Option<(ReplayMark, usize)> {
    let (body, sum) = record.split_last_chunk::<4>()?;
    let (digest, rest) = body.split_first_chunk::<32>()?;
    let (expires, batch) = rest.split_first_chunk::<8>()?;
    let batch = usize::try_from(u32::from_be_bytes(batch.try_into().ok()?)).ok()?;
    let mark = ReplayMark { digest: *digest, expires_ms: u64::from_be_bytes(*expires) };
    (checksum(body) == *sum && batch <= place).then_some((mark, batch))
}

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) marks: Vec<ReplayMark>,
    /// Bytes up to the first that is broken.
    pub(super) whole: usize,
    /// Its end was being written.
    pub(super) is_torn: bool,
    /// Something was there and cannot be read any more.
    pub(super) is_damaged: bool,
}

/// Reads a file.
pub(super) fn read(bytes: &[u8]) -> Segment {
    let Some(records) = bytes.strip_prefix(HEADER) else {
        // Begun, and not yet synced; or another kind of file.
        let is_begun = HEADER.starts_with(bytes);
        return Segment { is_torn: is_begun && !bytes.is_empty(), is_damaged: !is_begun, ..Segment::default() };
    };
    let (records, rest) = records.as_chunks::<RECORD>();
    let decoded: Vec<_> = records.iter().enumerate().map(|(place, record)| decode(record, place)).collect();
    let first_broken = decoded.iter().position(Option::is_none);
    let last_batch = decoded.iter().flatten().map(|(_, batch)| *batch).max().unwrap_or(0);
    let is_damaged = first_broken.is_some_and(|place| place < last_batch);
    Segment {
        whole: HEADER.len() + RECORD * first_broken.unwrap_or(records.len()),
        is_torn: !is_damaged && (first_broken.is_some() || !rest.is_empty()),
        is_damaged,
        marks: decoded.into_iter().flatten().map(|(mark, _)| mark).collect(),
    }
}
