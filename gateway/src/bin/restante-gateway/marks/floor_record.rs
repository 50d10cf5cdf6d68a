//! What the file of the floor says, byte for byte. specs/storage.md has the layout.

use super::checksum::checksum;

/// What the file begins with: its kind and the version of its format.
const HEADER: &[u8; 16] = b"restante floor1\n";

/// Header, time, checksum.
pub(super) const BYTES: usize = 16 + 8 + 4;

pub(super) fn encode(floor_ms: u64) -> Vec<u8> {
    let time = floor_ms.to_be_bytes();
    [&HEADER[..], &time, &checksum(&time)].concat()
}

/// `None` for anything that [`encode`] does not give.
pub(super) fn decode(bytes: &[u8]) -> Option<u64> {
    let (time, sum) = bytes.strip_prefix(HEADER)?.split_first_chunk::<8>()?;
    (*sum == checksum(time)).then(|| u64::from_be_bytes(*time))
}
