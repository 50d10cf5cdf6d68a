//! Lists and strings with a limit: the longest that is taken, and one more.

use super::*;
use crate::mls::{CipherSuite, Fault, ProtocolVersion};

fn vector(content: &[u8]) -> Vec<u8> {
    let mut encoded = Vec::new();
    mls_rs_codec::byte_vec::mls_encode(&content, &mut encoded).unwrap();
    encoded
}

#[test]
fn providers_of_a_welcome() {
    let welcome = [&[0, 1, 0, 3, 0, 1][..], &vector(b""), &vector(b"")].concat();
    let with = |count: usize| [welcome.as_slice(), &vector(&b"\x03a.b".repeat(count))].concat();
    let most: WelcomeData = decode(&with(131_072)).unwrap();
    assert_eq!(most.service_providers.len(), 131_072);
    assert_eq!(decode::<WelcomeData>(&with(131_073)), Err(DecodeError::Fault(Fault::ListTooLong)));
}

#[test]
fn requests_of_a_bundle() {
    let with = |count: u8| vector(&(0..count).flat_map(|suite| [0, 0, 0, 1, 0, suite]).collect::<Vec<_>>());
    assert_eq!(decode::<KeyPackageRequests>(&with(32)).unwrap().requests.len(), 32);
    let one_more = decode::<KeyPackageRequests>(&with(33));
    assert_eq!(one_more, Err(DecodeError::Fault(Fault::ListTooLong)));
}

#[test]
fn nobody_twice_in_a_bundle() {
    let request = |user: &str, token: &str, suite| KeyPackageRequest {
        user_id: user.into(),
        bearer_token: token.into(),
        version: ProtocolVersion::MLS10,
        cipher_suite: CipherSuite(suite),
    };
    let first = request("bob", "one token", 1);
    for (second, differs) in [
        (request("carol", "one token", 1), true),
        (request("bob", "one token", 2), true),
        (request("", "one token", 1), true),
        (request("bob", "one token", 1), false),
        (request("bob", "another token", 1), false),
    ] {
        let bytes = vector(&[encode(&first).unwrap(), encode(&second).unwrap()].concat());
        let bundle = KeyPackageRequests { requests: vec![first.clone(), second] };
        let refused = DecodeError::Fault(Fault::Repetition);
        let (decoded, encoded) =
            if differs { (Ok(bundle.clone()), Ok(bytes.clone())) } else { (Err(refused), Err(refused)) };
        assert_eq!(decode::<KeyPackageRequests>(&bytes), decoded);
        assert_eq!(encode(&bundle), encoded);
    }
}

/// Lists whose elements are a byte on the wire and many in memory.
#[test]
fn lists_of_tiny_elements() {
    let too_long = Err(DecodeError::Fault(Fault::ListTooLong));
    let refs =
        |count: usize| decode::<WelcomeInitRequest>(&vector(&vec![0; count])).map(|it| it.key_package_refs.len());
    assert_eq!(refs(131_072), Ok(131_072));
    assert_eq!(refs(131_073), too_long);
    let bans = |count: usize| decode::<Banned>(&vector(&vec![0; count])).map(|it| it.banned.len());
    assert_eq!(bans(Banned::MAX), Ok(65_536));
    assert_eq!(bans(Banned::MAX + 1), too_long);
    let users = |count: usize| {
        let entries: Vec<u8> = (0..count as u128).flat_map(|tag| [&tag.to_be_bytes()[..], &[1]].concat()).collect();
        decode::<BanList>(&[&[0; 32][..], &vector(&entries)].concat()).map(|it| it.users.len())
    };
    assert_eq!(users(BanList::MAX), Ok(65_536));
    assert_eq!(users(BanList::MAX + 1), Err(DecodeError::Fault(Fault::ListTooLong)));
    let results = |count: usize| decode::<KeyPackageResults>(&vector(&[1, 0].repeat(count))).map(|it| it.results.len());
    assert_eq!(results(32), Ok(32));
    assert_eq!(results(33), too_long);
}

#[test]
fn user_ids_and_tokens() {
    let with = |user: usize, token: usize| {
        [&vector(&vec![b'u'; user])[..], &vector(&vec![b't'; token]), &[0, 1, 0, 1]].concat()
    };
    let (user, token) = (KeyPackageRequest::USER_ID_MAX, KeyPackageRequest::BEARER_TOKEN_MAX);
    assert!(decode::<KeyPackageRequest>(&with(user, token)).is_ok());
    let found = decode::<KeyPackageRequest>(&with(user + 1, token));
    assert_eq!(found, Err(DecodeError::Fault(Fault::UserId)));
    let found = decode::<KeyPackageRequest>(&with(user, token + 1));
    assert_eq!(found, Err(DecodeError::Fault(Fault::TokenLength)));
}

/// Names at both ends of their length, and every byte that may stand in one.
#[test]
fn service_provider_ids() {
    let name = |length: usize| format!("{}.example", "a".repeat(length));
    assert!(name(63).parse::<ServiceProviderId>().is_ok());
    assert_eq!(name(64).parse::<ServiceProviderId>(), Err(InvalidServiceProviderId));
    let long = |last: usize| format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(last));
    assert_eq!(long(61).len(), 253);
    assert!(long(61).parse::<ServiceProviderId>().is_ok());
    assert_eq!(long(62).parse::<ServiceProviderId>(), Err(InvalidServiceProviderId));
    for byte in 0..=u8::MAX {
        let encoded = vector(&[b"a", &[byte][..], b"b.example"].concat());
        let allowed = byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
        assert_eq!(decode::<ServiceProviderId>(&encoded).is_ok(), allowed, "{byte:#04x}");
    }
}
