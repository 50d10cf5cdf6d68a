//! Damaged encodings: no panic, and whatever still decodes is the one encoding of its value.

use mls_rs_codec::{MlsDecode, MlsEncode};

use super::{Check, DecodeError, fixtures, with_structure};
use crate::mls::{WireGroupInfo, WireMessage, WireWelcome, tests::random::Random};

/// Decoded values must encode to the same bytes, and be equal to what these decode to.
struct Canonical<'a> {
    input: &'a [u8],
    accepted: &'a mut u64,
}

impl Check for Canonical<'_> {
    fn check<T: MlsDecode + MlsEncode + PartialEq + std::fmt::Debug>(&mut self, decoded: Result<T, DecodeError>) {
        if let Ok(value) = decoded {
            assert_eq!(super::encode(&value).unwrap(), self.input);
            assert_eq!(value.mls_encoded_len(), self.input.len());
            assert_eq!(super::decode::<T>(self.input), Ok(value));
            *self.accepted += 1;
        }
    }
}

/// What a damaged MLS structure says of itself stays within its bytes.
fn read_everything(structure: &str, input: &[u8]) {
    match structure {
        "GroupMessage" => {
            if let Ok(message) = super::decode::<WireMessage>(input) {
                assert!(message.group_id().len() + message.authenticated_data().len() < input.len());
                assert_eq!(message.bytes()[..], *input);
            }
        }
        "Welcome" => {
            if let Ok(welcome) = super::decode::<WireWelcome>(input) {
                assert_eq!(welcome.key_package_refs().count(), welcome.secrets());
            }
        }
        "GroupInfo" => {
            if let Ok(info) = super::decode::<WireGroupInfo>(input) {
                let signed = info.to_be_signed();
                assert_eq!(input[4..4 + signed.len()], *signed);
                assert!(signed.starts_with(info.group_context()));
                assert!(signed[..signed.len() - 4].ends_with(info.confirmation_tag()));
                assert!(signed.ends_with(&info.signer().to_be_bytes()));
                assert!(input.ends_with(info.signature()));
            }
        }
        _ => {}
    }
}

fn try_input(structure: &str, input: &[u8], accepted: &mut u64) {
    with_structure(structure, input, &mut Canonical { input, accepted });
    read_everything(structure, input);
}

/// Every byte of every fixture, set to the values at which decoders decide something.
#[test]
fn every_byte_with_telling_values() {
    let (mut tried, mut accepted) = (0_u64, 0);
    for fixture in fixtures() {
        let mut input = fixture.bytes.clone();
        for place in 0..input.len() {
            let kept = input[place];
            for value in [0x00, 0x01, 0x02, 0x3f, 0x40, 0x80, 0xbf, 0xc0, 0xff, kept ^ 1, kept ^ 0x80] {
                if value != kept {
                    input[place] = value;
                    try_input(&fixture.structure, &input, &mut accepted);
                    tried += 1;
                }
            }
            input[place] = kept;
        }
    }
    // Keys, hashes and ciphertexts are opaque: most damage is none to a hub. Both outcomes must occur.
    assert!(tried > 500_000, "only {tried}");
    assert!(accepted > tried / 10 && accepted < tried - tried / 100, "{accepted} of {tried}");
}

/// Seeded: bytes changed, removed, inserted, doubled; pieces of another fixture put in.
#[test]
fn wild_damage() {
    let fixtures = fixtures();
    let mut random = Random::new(0x000d_a3a6_ed5e_ed00);
    let mut accepted = 0;
    for round in 0..200_000_usize {
        let fixture = &fixtures[round % fixtures.len()];
        let mut input = fixture.bytes.clone();
        for _ in 0..=random.below(3) {
            let at = random.below(input.len() + 1);
            match random.below(6) {
                0 if at < input.len() => input[at] = random.byte(),
                1 if at < input.len() => drop(input.remove(at)),
                2 => input.insert(at, random.byte()),
                3 => {
                    let piece = input[at..at + random.below(input.len() + 1 - at)].to_vec();
                    input.splice(at..at, piece);
                }
                4 => {
                    let other = &fixtures[random.below(fixtures.len())].bytes;
                    let from = random.below(other.len());
                    input.splice(at.., other[from..].iter().copied());
                }
                _ => input.truncate(at),
            }
        }
        // Also as a structure that it never was.
        let seen_as = if round % 5 == 0 { &fixtures[random.below(fixtures.len())] } else { fixture };
        try_input(&seen_as.structure, &input, &mut accepted);
    }
    assert!(accepted > 5_000 && accepted < 150_000, "{accepted}");
}
