//! Lists that gateways should not, but might, serve.

use ohttp::{
    KeyConfig, SymmetricSuite,
    hpke::{Aead, Kdf, Kem},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngSeed},
};

use crate::client::oblivious::key_list::{GatewayKey, KEY_LIST_MAX, Kems, KeyListError};

/// One configuration, length in front.
fn configuration(key_id: u8, kem: u16, key: &[u8], suites: &[(u16, u16)]) -> Vec<u8> {
    let mut content = vec![key_id];
    content.extend(kem.to_be_bytes());
    content.extend(key);
    content.extend(u16::try_from(4 * suites.len()).unwrap().to_be_bytes());
    for (kdf, aead) in suites {
        content.extend(kdf.to_be_bytes());
        content.extend(aead.to_be_bytes());
    }
    prefixed(&content)
}

fn prefixed(content: &[u8]) -> Vec<u8> {
    [&u16::try_from(content.len()).unwrap().to_be_bytes()[..], content].concat()
}

fn x25519(key_id: u8) -> Vec<u8> {
    configuration(key_id, 0x20, &[9; 32], &[(1, 1), (1, 3)])
}

/// A real key: not every string of bytes is one.
fn x_wing(key_id: u8) -> Vec<u8> {
    let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
    KeyConfig::encode_list(&[KeyConfig::new(key_id, Kem::XWing, suites).unwrap()]).unwrap()
}

/// The key id, KEM, KDF and AEAD that a request would begin with.
fn chosen(list: &[u8], kems: Kems) -> Result<(u8, u16, u16, u16), KeyListError> {
    let key = GatewayKey::choose(list, kems)?;
    let (request, _) = key.context().unwrap().encapsulate(b"").unwrap();
    let number = |at: usize| u16::from_be_bytes([request[at], request[at + 1]]);
    Ok((request[0], number(1), number(3), number(5)))
}

/// What relays refuse as well. Whether or not this client could use them.
#[test]
fn two_keys_with_one_identifier_are_refused() {
    for two in [
        [x25519(1), x25519(1)].concat(),
        [x_wing(1), x25519(1)].concat(),
        [x25519(2), configuration(1, 0x1234, b"", &[]), configuration(1, 0x1234, b"another", &[])].concat(),
    ] {
        assert_eq!(chosen(&two, Kems::WithHybrid), Err(KeyListError::SameIdentifier));
    }
}

#[test]
fn the_first_usable_key_and_pair_of_algorithms_is_chosen() {
    let both = [x_wing(1), x25519(2)].concat();
    assert_eq!(chosen(&both, Kems::WithHybrid), Ok((1, 0x647a, 1, 1)));
    assert_eq!(chosen(&both, Kems::Classical), Ok((2, 0x20, 1, 1)));
    let two = [x25519(3), x25519(4)].concat();
    assert_eq!(chosen(&two, Kems::WithHybrid), Ok((3, 0x20, 1, 1)));
    let pairs = configuration(5, 0x20, &[9; 32], &[(1, 2), (2, 1), (1, 0xffff), (1, 3), (1, 1)]);
    assert_eq!(chosen(&pairs, Kems::WithHybrid), Ok((5, 0x20, 1, 3)));
    let unknown = [configuration(6, 0x1234, b"of some length", &[(1, 1)]), x25519(7)].concat();
    assert_eq!(chosen(&unknown, Kems::WithHybrid), Ok((7, 0x20, 1, 1)));
}

#[test]
fn a_list_without_anything_usable_is_no_panic() {
    // What panics `ohttp` when it is given to it: AES-256-GCM alone.
    let lists = [
        configuration(1, 0x20, &[9; 32], &[(1, 2)]),
        configuration(1, 0x20, &[9; 32], &[(2, 1), (3, 3)]),
        configuration(1, 0x10, &[4; 65], &[(1, 1)]),
        configuration(1, 0x21, &[9; 56], &[(1, 1)]),
        configuration(1, 0xffff, &[9; 32], &[(1, 1)]),
    ];
    for list in lists {
        assert_eq!(chosen(&list, Kems::WithHybrid), Err(KeyListError::NoUsableKey));
    }
    assert_eq!(chosen(&x_wing(1), Kems::Classical), Err(KeyListError::NoUsableKey));
}

#[test]
fn one_encoding_error_drops_the_whole_list() {
    let good = x25519(1);
    let bad = [
        vec![0],
        vec![0, 0],
        vec![0, 2, 1, 0],
        // A key that is too short, or too long, for its KEM.
        configuration(2, 0x20, &[9; 31], &[(1, 1)]),
        configuration(2, 0x20, &[9; 33], &[(1, 1)]),
        configuration(2, 0x647a, &[9; 1215], &[(1, 1)]),
        // No algorithms, half a pair, more than the length says, less than it says.
        configuration(2, 0x20, &[9; 32], &[]),
        prefixed(&[&[2, 0, 0x20][..], &[9; 32], &[0, 2, 0, 1]].concat()),
        prefixed(&[&[2, 0, 0x20][..], &[9; 32], &[0, 4, 0, 1, 0, 1, 0]].concat()),
        prefixed(&[&[2, 0, 0x20][..], &[9; 32], &[0, 8, 0, 1, 0, 1]].concat()),
        // Longer than the rest of the list.
        [&[0xff, 0xff][..], &good[2..]].concat(),
    ];
    for bad in bad {
        for list in [bad.clone(), [good.clone(), bad.clone()].concat(), [bad.clone(), good.clone()].concat()] {
            assert_eq!(chosen(&list, Kems::WithHybrid), Err(KeyListError::Encoding), "{list:?}");
        }
    }
    assert_eq!(chosen(&[], Kems::WithHybrid), Err(KeyListError::Encoding), "one or more (§3.2)");
}

#[test]
fn a_list_is_cut_nowhere() {
    let list = [x25519(1), x_wing(2)].concat();
    let whole = [x25519(1).len()];
    for length in (0..list.len()).filter(|length| !whole.contains(length)) {
        assert_eq!(chosen(&list[..length], Kems::WithHybrid), Err(KeyListError::Encoding), "{length}");
    }
}

#[test]
fn thousands_of_entries_are_not_looked_at() {
    let list: Vec<u8> = (0..17).flat_map(x25519).collect();
    assert_eq!(chosen(&list, Kems::WithHybrid), Err(KeyListError::TooLarge));
    assert_eq!(chosen(&list[..16 * x25519(0).len()], Kems::WithHybrid), Ok((0, 0x20, 1, 1)));
    let long = x25519(0).repeat(4000);
    assert!(long.len() > KEY_LIST_MAX);
    assert_eq!(chosen(&long, Kems::WithHybrid), Err(KeyListError::TooLarge));
}

#[test]
fn a_key_that_is_no_point_is_no_key() {
    // The DH of a low-order point is zero, which every sender would share: HPKE refuses it.
    let list = configuration(1, 0x20, &[0; 32], &[(1, 1)]);
    let usable = GatewayKey::choose(&list, Kems::WithHybrid).map(|key| key.context().unwrap().encapsulate(b"").is_ok());
    assert!(matches!(usable, Ok(false) | Err(KeyListError::Encoding)), "{usable:?}");
    let list = configuration(1, 0x647a, &[0xff; 1216], &[(1, 1)]);
    assert_eq!(chosen(&list, Kems::WithHybrid), Err(KeyListError::Encoding));
}

proptest! {
    #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

    #[test]
    fn no_list_panics_and_no_change_goes_unnoticed_by_the_lengths(at in 0..200_usize, byte: u8, cut in 0..200_usize) {
        let mut list = [x25519(1), configuration(2, 0x20, &[8; 32], &[(1, 2), (1, 3)]), x25519(3)].concat();
        let length = list.len();
        list[at % length] = byte;
        list.truncate(length - cut % length);
        // Whatever is chosen can be used.
        let _ = chosen(&list, Kems::WithHybrid);
    }

    #[test]
    fn garbage_is_no_panic(list in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = chosen(&list, Kems::WithHybrid);
    }
}
