//! An encoding has one end: every strict prefix is too short, one byte more is too long, at every level of nesting.

use super::{DecodeError, Fixture, fixtures, recode};

#[test]
fn every_strict_prefix_is_truncated() {
    for fixture in fixtures().into_iter().filter(Fixture::is_delimited) {
        assert_eq!(recode(&fixture.structure, &fixture.bytes).as_ref(), Ok(&fixture.bytes), "{}", fixture.title());
        for length in 0..fixture.bytes.len() {
            let cut = recode(&fixture.structure, &fixture.bytes[..length]);
            assert_eq!(cut, Err(DecodeError::Truncated), "{} of {length} bytes", fixture.title());
        }
    }
}

#[test]
fn one_more_byte_is_left_over() {
    for fixture in fixtures().into_iter().filter(Fixture::is_delimited) {
        for more in [0x00, 0x01, 0x40, 0xff] {
            let mut longer = fixture.bytes.clone();
            longer.push(more);
            let found = recode(&fixture.structure, &longer);
            assert_eq!(found, Err(DecodeError::TrailingBytes), "{} and {more:02x}", fixture.title());
        }
    }
}

/// Every length prefix that can be lengthened without changing what it says is refused when it is.
#[test]
fn lengths_in_more_bytes_than_needed() {
    let mut tried = 0;
    for fixture in fixtures() {
        // A vector at the very front: these structures start with one.
        let starts_with_a_vector = [
            "Banned",
            "DeleteGroupRequest",
            "Epoch",
            "GroupInfoRequest",
            "HintedEpoch",
            "Identity",
            "JoinTokenRequest",
            "JoinTokenResponse",
            "KeyPackageRef",
            "KeyPackageRequest",
            "KeyPackageRequests",
            "KeyPackageResults",
            "LeaveGroupRequest",
            "MaskedPartitionKey",
            "MintGroupIdResponse",
            "PartitionKeyContext",
            "PushRequest",
            "RatchetTree",
            "ReceiveRequest",
            "ReceiveResponse",
            "ServiceProviderId",
            "SubscribeRequest",
            "WelcomeInitRequest",
            "WelcomeInitResponse",
            "WelcomePush",
        ];
        if !starts_with_a_vector.contains(&fixture.structure.as_str()) || fixture.bytes[0] >= 0x40 {
            continue;
        }
        let length = fixture.bytes[0];
        for prefix in [vec![0x40, length], vec![0x80, 0, 0, length]] {
            let longer = [prefix, fixture.bytes[1..].to_vec()].concat();
            let found = recode(&fixture.structure, &longer);
            assert_eq!(found, Err(DecodeError::NonMinimalLength), "{}", fixture.title());
            tried += 1;
        }
    }
    assert!(tried > 60, "only {tried}");
}
