//! `Debug` goes to logs: it shows no group id, no key, no user, no content.

use mls_rs_codec::{MlsDecode, MlsEncode};

use super::*;

struct Shown(String);

impl Check for Shown {
    fn check<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(&mut self, decoded: Result<T, DecodeError>) {
        self.0 = format!("{:?}", decoded.unwrap());
    }
}

/// Three numbers with commas between them: bytes that were printed as a list.
fn shows_a_list_of_numbers(text: &str) -> bool {
    let pieces: Vec<&str> = text.split(", ").collect();
    pieces
        .windows(3)
        .any(|three| three[1].parse::<u8>().is_ok() && three[2].trim_end_matches(']').parse::<u8>().is_ok())
}

/// What holds tokens, or what they are made from, leaves no copy behind. A type that does not is refused by the compiler.
#[test]
fn tokens_are_wiped() {
    fn is_wiped<T: zeroize::ZeroizeOnDrop>() -> bool {
        std::mem::needs_drop::<T>()
    }
    assert!(is_wiped::<BearerToken>() && is_wiped::<BearerTokenInput>() && is_wiped::<KeyPackageRequest>());
}

#[test]
fn no_fixture_shows_bytes() {
    assert!(shows_a_list_of_numbers("[7, 8, 9]"), "the test sees what it looks for");
    for fixture in fixtures() {
        let mut shown = Shown(String::new());
        with_structure(&fixture.structure, &fixture.bytes, &mut shown);
        let Shown(text) = shown;
        assert!(!text.is_empty() && !shows_a_list_of_numbers(&text), "{}: {text}", fixture.title());
        // Runs of hex digits: the four bytes of a masked key are the longest that may be shown.
        let longest = text.split(|letter: char| !letter.is_ascii_hexdigit()).map(str::len).max().unwrap_or_default();
        let is_name = text.contains(".example") || text.contains("a.b") || fixture.structure == "ServiceProviderId";
        assert!(longest <= 20 || is_name, "{}: {text}", fixture.title());
        for secret in ["mimi://", "alice", "mallory", "token", "handle", "partition key"] {
            assert!(!text.contains(secret) || fixture.structure == "ServiceProviderId", "{}: {text}", fixture.title());
        }
    }
}

#[test]
fn secrets_show_nothing() {
    assert_eq!(format!("{:?}", PartitionKey::new(*b"0123456789abcdef")), "PartitionKey(..)");
    assert_eq!(format!("{:?}", KeyPackageRef(b"reference".to_vec())), "KeyPackageRef(..)");
    assert_eq!(format!("{:?}", Identity(b"mallory".to_vec())), "Identity(..)");
    assert_eq!(format!("{:?}", MaskedPartitionKey::new([0xab; 32])), "abababab…");
}
