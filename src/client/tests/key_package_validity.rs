//! Which KeyPackages of strangers are believed.

use std::time::{SystemTime, UNIX_EPOCH};

use super::cast::{Handshakes, client, new_member};
use crate::{
    client::{InvalidKeyPackage, ValidKeyPackage, key_package_ref},
    mls::WireKeyPackage,
    wire,
};

/// Three years.
const LONG: u64 = 3 * 365 * 86_400;

#[test]
fn a_fresh_package_holds_and_every_flipped_bit_breaks_it() {
    let package = new_member(&client("bob", Handshakes::Public)).key_package;
    let valid = ValidKeyPackage::check(&package, now_s()).unwrap();
    assert_eq!(Some(valid.reference), key_package_ref(&package));
    let mut refused = 0;
    for byte in 0..package.bytes().len() {
        let mut bytes = package.bytes().to_vec();
        bytes[byte] ^= 1;
        // What is no KeyPackage any more never gets this far.
        let Ok(changed) = wire::decode::<WireKeyPackage>(&bytes) else { continue };
        assert!(ValidKeyPackage::check(&changed, now_s()).is_err(), "byte {byte}");
        refused += 1;
    }
    assert!(refused > package.bytes().len() / 2, "most flips leave the form as it is: {refused}");
}

#[test]
fn a_package_holds_in_its_lifetime_only() {
    let package = new_member(&client("bob", Handshakes::Public)).key_package;
    for time in [0, now_s() + LONG] {
        assert!(matches!(ValidKeyPackage::check(&package, time), Err(InvalidKeyPackage::Lifetime)), "{time}");
    }
}

fn now_s() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the packages of these tests are made now")]
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
