//! The list of whom the group's own state bans (specs/protocol.md W17, Y7).

use super::super::read_banned;
use crate::mls::BANNED_MAX;

/// `Banned` with so many identities, all of them empty: one byte each.
fn of_empty(number: usize) -> Vec<u8> {
    let length = u32::try_from(number).unwrap() | 0x8000_0000;
    [&length.to_be_bytes()[..], &vec![0; number]].concat()
}

#[test]
fn a_list_that_is_too_long_bans_nobody() {
    let longest = of_empty(BANNED_MAX);
    assert_eq!(read_banned(&longest).map(|banned| banned.len()), Some(1));
    assert_eq!(read_banned(&of_empty(BANNED_MAX + 1)), None);
    // As everybody else reads it.
    assert!(crate::wire::decode::<crate::wire::Banned>(&longest).is_ok());
    assert!(crate::wire::decode::<crate::wire::Banned>(&of_empty(BANNED_MAX + 1)).is_err());
}

#[test]
fn what_cannot_be_read_bans_nobody() {
    for damaged in [&b""[..], b"\x02\x01", b"\x01\x01", b"\x00\x00", b"\x40\x01\x00"] {
        assert_eq!(read_banned(damaged), None, "{damaged:?}");
        assert!(crate::wire::decode::<crate::wire::Banned>(damaged).is_err(), "{damaged:?}");
    }
}
