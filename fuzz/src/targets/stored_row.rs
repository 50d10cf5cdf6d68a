//! A row of the database, as a bad disk may give it.

use super::super::{families::FAMILIES, parts};
use restante::fuzzing::is_row;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some((family, mut rest)) = input.split_first() else { return };
    let Some(family) = FAMILIES.get(usize::from(*family)) else { return };
    let Some(key) = parts::next(&mut rest) else { return };
    is_row(family, key, rest);
}
