//! Bodies of requests, as `restante::wire` decodes them.

use super::super::structures::{self, REQUESTS};

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    structures::check(REQUESTS, input);
}
