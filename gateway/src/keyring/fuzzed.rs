//! What the disk gives here, for the targets of `fuzz/`.

use zeroize::Zeroizing;

use super::{RotationSchedule, codec};

/// What would be written for the plaintext of a keyring's file; `None` if it is none.
///
/// # Panics
/// When no table can be made of its keys, or nobody can say when they change.
#[must_use]
pub fn keyring_again(plain: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let ring = codec::decode(plain)?;
    let schedule = RotationSchedule { x_wing: true, ..RotationSchedule::default() };
    let times_ms = ring.records.iter().flat_map(|record| [record.published_ms, record.use_ms, record.until_ms]);
    for now_ms in times_ms.chain([0, u64::MAX]) {
        assert_eq!(ring.describe(&schedule, now_ms).len(), ring.records.len());
        assert!(ring.listed(now_ms).len() <= ring.records.len());
        let next_ms = ring.next_change_ms(&schedule, now_ms);
        assert!(next_ms > now_ms || next_ms == u64::MAX, "a change that is over is to come");
    }
    Some(codec::encode(&ring))
}
