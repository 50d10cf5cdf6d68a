//! The plaintext of a keyring file. Numbers are big-endian; specs/storage.md has the layout.

use zeroize::Zeroizing;

use super::{record::KeyRecord, ring::Ring};
use crate::hpke::Kem;

/// Bytes of a record: id, KEM, three times, secret.
const RECORD: usize = 1 + 2 + 3 * 8 + 32;

pub(super) fn encode(ring: &Ring) -> Zeroizing<Vec<u8>> {
    // Room for all, so that no copy of a secret stays behind where the vector grew.
    let mut bytes = Zeroizing::new(Vec::with_capacity(2 + ring.records.len() * RECORD));
    bytes.push(ring.last_key_id);
    bytes.push(u8::try_from(ring.records.len()).expect("ids are unique, and the last of 256 is never given"));
    for record in &ring.records {
        bytes.push(record.key_id);
        bytes.extend_from_slice(&record.kem.id().to_be_bytes());
        for time_ms in [record.published_ms, record.use_ms, record.until_ms] {
            bytes.extend_from_slice(&time_ms.to_be_bytes());
        }
        bytes.extend_from_slice(record.secret.as_ref());
    }
    bytes
}

/// `None` for anything that [`encode`] does not give.
pub(super) fn decode(bytes: &[u8]) -> Option<Ring> {
    let ([last_key_id, count], rest) = bytes.split_first_chunk()?;
    let (records, []) = rest.as_chunks::<RECORD>() else { return None };
    if records.len() != usize::from(*count) {
        return None;
    }
    let records: Vec<KeyRecord> = records.iter().map(decode_record).collect::<Option<_>>()?;
    let repeated = |place: usize, id: u8| records[..place].iter().any(|record| record.key_id == id);
    if records.iter().enumerate().any(|(place, record)| repeated(place, record.key_id)) {
        return None;
    }
    Some(Ring { last_key_id: *last_key_id, records })
}

fn decode_record(bytes: &[u8; RECORD]) -> Option<KeyRecord> {
    let (head, secret) = bytes.split_last_chunk::<32>()?;
    let ([key_id, kem @ ..], times) = head.split_first_chunk::<3>()?;
    let (times, []) = times.as_chunks::<8>() else { return None };
    let [published_ms, use_ms, until_ms] = <[[u8; 8]; 3]>::try_from(times).ok()?.map(u64::from_be_bytes);
    Some(KeyRecord {
        key_id: *key_id,
        kem: Kem::from_id(u16::from_be_bytes(*kem))?,
        secret: Zeroizing::new(*secret),
        published_ms,
        use_ms,
        until_ms,
    })
}
