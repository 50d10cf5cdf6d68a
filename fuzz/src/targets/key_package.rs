//! A KeyPackage, as users upload it.

use super::super::structures::is_canonical;
use restante::{mls::WireKeyPackage, wire};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    is_canonical::<WireKeyPackage>(input);
    if let Ok(package) = wire::decode::<WireKeyPackage>(input) {
        assert_eq!(package.bytes(), input);
    }
}
