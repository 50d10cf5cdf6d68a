//! `application/ohttp-keys` (RFC 9458 §3.1, §3.2), by its lengths alone.
//!
//! The relay has no HPKE: it finds out whether the bytes are a list at all and whether a client could use one entry of
//! it. Foreign lists are hostile input. Nothing is allocated for them.

use sha2::{Digest, Sha256};

/// The largest list that is kept.
pub(crate) const LIST_BYTES_MAX: usize = 16 * 1024;
/// The most configurations in a list: a gateway has one or two live keys of each KEM. Clients read as many and refuse
/// the same lists: a list that one of the two takes and the other does not would stop all fetches (decision 0054).
const CONFIGURATIONS_MAX: usize = 16;

/// Why bytes are no usable list. A closed set: it is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyListFault {
    /// Nothing, or more than 16 KiB.
    #[error("the list is empty or too large")]
    Size,
    /// A length does not fit what it stands before.
    #[error("a length in the list is wrong")]
    Length,
    /// More configurations than anybody needs.
    #[error("the list has too many configurations")]
    TooMany,
    /// Two configurations with one identifier: which of them a request used could not be told.
    #[error("two configurations have the same key identifier")]
    SameIdentifier,
    /// No configuration whose KEM, KDF and AEAD are known.
    #[error("no configuration in the list could be used")]
    NothingUsable,
}

/// The length of a public key, by KEM (RFC 9180 §7.1; X-Wing by draft-connolly-cfrg-xwing-kem).
fn public_key_bytes(kem: u16) -> Option<usize> {
    match kem {
        0x0010 => Some(65),
        0x0011 => Some(97),
        0x0012 => Some(133),
        0x0020 => Some(32),
        0x0021 => Some(56),
        0x647a => Some(1216),
        _ => None,
    }
}

/// HKDF with SHA-256, SHA-384, SHA-512, and the three AEADs that encrypt (RFC 9180 §7.2, §7.3); export-only does not.
fn is_usable(kdf: u16, aead: u16) -> bool {
    matches!(kdf, 1..=3) && matches!(aead, 1..=3)
}

/// Splits a number of bytes off the front.
fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], KeyListFault> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(KeyListFault::Length)?;
    *bytes = rest;
    Ok(taken)
}

fn take_u16(bytes: &mut &[u8]) -> Result<u16, KeyListFault> {
    let taken = take(bytes, 2)?;
    Ok(taken.iter().fold(0, |number, byte| number << 8 | u16::from(*byte)))
}

/// Checks that bytes are a list of key configurations of which at least one can be used.
///
/// # Errors
/// The first fault. One wrong length makes the whole list wrong (§3.2).
pub fn check(list: &[u8]) -> Result<(), KeyListFault> {
    if list.is_empty() || list.len() > LIST_BYTES_MAX {
        return Err(KeyListFault::Size);
    }
    let (mut rest, mut usable) = (list, false);
    let (mut count, mut identifiers) = (0, [false; 256]);
    while !rest.is_empty() {
        let length = usize::from(take_u16(&mut rest)?);
        let configuration = take(&mut rest, length)?;
        let identifier = configuration.first().ok_or(KeyListFault::Length)?;
        count += 1;
        if count > CONFIGURATIONS_MAX {
            return Err(KeyListFault::TooMany);
        }
        if std::mem::replace(&mut identifiers[usize::from(*identifier)], true) {
            return Err(KeyListFault::SameIdentifier);
        }
        usable |= check_configuration(configuration)?;
    }
    if usable { Ok(()) } else { Err(KeyListFault::NothingUsable) }
}

/// Whether one configuration can be used.
fn check_configuration(mut rest: &[u8]) -> Result<bool, KeyListFault> {
    let _identifier = take(&mut rest, 1)?;
    // Of an unknown KEM nobody knows where the key ends: a client leaves that configuration out, and so do we.
    let Some(key_bytes) = public_key_bytes(take_u16(&mut rest)?) else { return Ok(false) };
    let _key = take(&mut rest, key_bytes)?;
    let algorithms = usize::from(take_u16(&mut rest)?);
    // §3.1: at least one pair, four bytes each, and nothing behind them.
    if algorithms == 0 || algorithms % 4 != 0 || algorithms != rest.len() {
        return Err(KeyListFault::Length);
    }
    let mut usable = false;
    while !rest.is_empty() {
        usable |= is_usable(take_u16(&mut rest)?, take_u16(&mut rest)?);
    }
    Ok(usable)
}

/// The hash that stands in the log and in the entity tag.
pub(crate) fn digest(list: &[u8]) -> [u8; 32] {
    Sha256::digest(list).into()
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::{
        prelude::*,
        test_runner::{Config, RngSeed},
    };

    use super::*;

    /// One configuration with its length before it.
    pub(crate) fn configuration(identifier: u8, kem: u16, key: &[u8], algorithms: &[(u16, u16)]) -> Vec<u8> {
        let mut bytes = vec![identifier];
        bytes.extend(kem.to_be_bytes());
        bytes.extend(key);
        bytes.extend(u16::try_from(algorithms.len() * 4).unwrap().to_be_bytes());
        algorithms.iter().for_each(|(kdf, aead)| bytes.extend([kdf.to_be_bytes(), aead.to_be_bytes()].concat()));
        [&u16::try_from(bytes.len()).unwrap().to_be_bytes()[..], &bytes].concat()
    }

    /// A list as a gateway publishes it; `seed` makes it another one.
    pub(crate) fn usable_list(seed: u8) -> Vec<u8> {
        configuration(seed, 0x0020, &[seed; 32], &[(1, 1), (1, 3)])
    }

    #[test]
    fn lists_of_known_kems_are_usable() {
        check(&usable_list(1)).unwrap();
        let both = [usable_list(1), configuration(2, 0x647a, &[7; 1216], &[(1, 1)])].concat();
        check(&both).unwrap();
        // Somebody's future KEM beside one that is known.
        check(&[configuration(9, 0x7777, &[1; 5], &[(1, 1)]), usable_list(1)].concat()).unwrap();
    }

    #[test]
    fn every_cut_and_every_byte_behind_is_a_fault() {
        let list = [usable_list(1), usable_list(2)].concat();
        let whole = usable_list(1).len();
        for length in (0..list.len()).filter(|length| *length != whole) {
            assert!(check(&list[..length]).is_err(), "{length}");
        }
        assert_eq!(check(&[&list[..], &[0]].concat()), Err(KeyListFault::Length));
        assert_eq!(check(&[&list[..], &[0, 0]].concat()), Err(KeyListFault::Length));
    }

    #[test]
    fn wrong_lengths_inside_are_faults() {
        for (what, list) in [
            ("no algorithms", configuration(1, 0x0020, &[1; 32], &[])),
            ("a short key", configuration(1, 0x0020, &[1; 31], &[(1, 1)])),
            ("a long key", configuration(1, 0x0020, &[1; 33], &[(1, 1)])),
            ("half a pair", {
                let mut list = configuration(1, 0x0020, &[1; 32], &[(1, 1)]);
                list.truncate(list.len() - 2);
                list[1] -= 2;
                let place = list.len() - 3;
                list[place] = 2;
                list
            }),
        ] {
            assert_eq!(check(&list), Err(KeyListFault::Length), "{what}");
        }
    }

    #[test]
    fn lists_that_nobody_could_use_are_refused() {
        for (what, list) in [
            ("an unknown KEM", configuration(1, 0x7777, &[1; 32], &[(1, 1)])),
            ("export only", configuration(1, 0x0020, &[1; 32], &[(1, 0xffff)])),
            ("an unknown AEAD", configuration(1, 0x0020, &[1; 32], &[(1, 77)])),
            ("an unknown KDF", configuration(1, 0x0020, &[1; 32], &[(77, 1)])),
        ] {
            assert_eq!(check(&list), Err(KeyListFault::NothingUsable), "{what}");
        }
    }

    #[test]
    fn lists_of_thousands_are_refused() {
        let thousands: Vec<u8> = (0..3000).flat_map(|_| configuration(0, 0x7777, &[], &[(1, 1)])).collect();
        assert_eq!(check(&thousands), Err(KeyListFault::Size));
        let many = |count| (0..count).flat_map(usable_list).collect::<Vec<u8>>();
        assert_eq!((check(&many(16)), check(&many(17))), (Ok(()), Err(KeyListFault::TooMany)));
        let pairs = vec![(1, 1); 5000];
        assert_eq!(check(&configuration(1, 0x0020, &[1; 32], &pairs)), Err(KeyListFault::Size));
        assert_eq!(check(&[usable_list(1), usable_list(1)].concat()), Err(KeyListFault::SameIdentifier));
        assert_eq!(check(&[]), Err(KeyListFault::Size));
    }

    proptest! {
        #![proptest_config(Config { rng_seed: RngSeed::Fixed(0x5eed), failure_persistence: None, ..Config::default() })]

        #[test]
        fn no_bytes_break_it(list in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = check(&list);
        }

        #[test]
        fn no_change_of_one_byte_breaks_it(place in 0usize..82, byte in any::<u8>()) {
            let mut list = [usable_list(1), usable_list(2)].concat();
            list[place] = byte;
            let _ = check(&list);
        }
    }
}
