//! A Welcome: whom it is for, and what is left when it is cut down to some of them.

use super::super::structures::is_canonical;
use restante::{mls::WireWelcome, wire};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    is_canonical::<WireWelcome>(input);
    let Ok(welcome) = wire::decode::<WireWelcome>(input) else { return };
    assert_eq!(welcome.key_package_refs().count(), welcome.secrets());
    let every_other = welcome.only(|place| place % 2 == 0);
    assert_eq!(every_other.secrets(), welcome.secrets().div_ceil(2));
    assert!(every_other.key_package_refs().eq(welcome.key_package_refs().step_by(2)));
    is_canonical::<WireWelcome>(every_other.bytes());
    assert!(wire::decode::<WireWelcome>(every_other.bytes()).is_ok_and(|cut| cut == every_other));
}
