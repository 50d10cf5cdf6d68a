//! Files of the gateway's program in which it remembers requests, as a bad disk may give them back: marks, and the floor
//! below which there are none.

#[path = "../../../gateway/src/bin/restante-gateway/marks/checksum.rs"]
mod checksum;
#[path = "../../../gateway/src/bin/restante-gateway/marks/floor_record.rs"]
#[allow(dead_code, reason = "of the program, which uses all of it")]
mod floor_record;
#[path = "../../../gateway/src/bin/restante-gateway/marks/segment.rs"]
#[allow(dead_code, reason = "of the program, which uses all of it")]
mod segment;

use restante_gateway::ReplayMark;

/// Digest and expiry.
const MARK: usize = 32 + 8;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    if let Some(floor_ms) = floor_record::decode(input) {
        assert_eq!(floor_record::encode(floor_ms), input);
    }
    is_read(input);
    is_written(input);
}

/// The input as a file of marks.
fn is_read(file: &[u8]) {
    let read = segment::read(file);
    assert!(read.whole <= file.len());
    assert!(!(read.is_torn && read.is_damaged));
    if read.is_damaged {
        return;
    }
    assert_eq!(read.is_torn, read.whole < file.len());
    // What is left when the torn end was taken away is a whole file, and says no more than before.
    let mended = segment::read(&file[..read.whole]);
    assert!(!mended.is_torn && !mended.is_damaged);
    assert_eq!(mended.whole, read.whole);
    assert!(read.marks.starts_with(&mended.marks));
}

/// The input as marks: what is written of them is read, also where the end of it was cut off.
fn is_written(input: &[u8]) {
    let (marks, rest) = input.as_chunks::<MARK>();
    let marks: Vec<ReplayMark> = marks.iter().filter_map(mark).collect();
    let mut file = segment::HEADER.to_vec();
    segment::encode(marks.iter().copied(), 0, &mut file);
    let read = segment::read(&file);
    assert_eq!((read.marks, read.whole), (marks.clone(), file.len()));
    let cut_off = segment::read(&file[..file.len() - rest.len().min(file.len())]);
    assert!(!cut_off.is_damaged, "what was being written is no damage");
    assert!(marks.starts_with(&cut_off.marks));
}

fn mark(bytes: &[u8; MARK]) -> Option<ReplayMark> {
    let (digest, expires) = bytes.split_first_chunk::<32>()?;
    Some(ReplayMark { digest: *digest, expires_ms: u64::from_be_bytes(expires.try_into().ok()?) })
}
