//! What stands inside of bodies, as `restante::wire` decodes them.

use super::super::structures::{self, PARTS};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    structures::check(PARTS, input);
}
