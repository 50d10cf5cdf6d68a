//! Values of header fields that clients choose: `DS-Expect-Commit`, `Prefer`, and the byte sequences of `DS-User` and
//! `DS-Join-Token`.

use restante::wire::{ExpectCommit, JoinToken, byte_sequence, preferred_wait};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    // Others get no further than to be no text.
    let value = input.utf8_chunks().next().map_or("", |chunk| chunk.valid());
    if let Some(expected) = ExpectCommit::parse(value) {
        assert_eq!(expected.to_string(), value, "another spelling of the same condition");
    }
    if let Some(bytes) = byte_sequence(value) {
        let digits = value.len() - 2;
        let padding = value.bytes().filter(|byte| *byte == b'=').count();
        assert_eq!(bytes.len(), digits / 4 * 3 - padding);
        assert_eq!(digits % 4, 0, "another spelling of the same bytes");
        // Of the right length or not, it is looked at.
        let _token = JoinToken::new(bytes);
    }
    let seconds = preferred_wait([value]);
    assert_eq!(preferred_wait(["respond-async", value]), seconds, "what is no wait changes nothing");
    assert_eq!(preferred_wait([value, value]), seconds, "the first counts");
    assert_eq!(preferred_wait([format!("wait={seconds}").as_str()]), seconds);
}
