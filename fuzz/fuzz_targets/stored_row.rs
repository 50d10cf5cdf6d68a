//! A row of the database, as a bad disk may give it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::fuzzing::is_row;
use restante_fuzz::{families::FAMILIES, parts};

fuzz_target!(|input: &[u8]| {
    let Some((family, mut rest)) = input.split_first() else { return };
    let Some(family) = FAMILIES.get(usize::from(*family)) else { return };
    let Some(key) = parts::next(&mut rest) else { return };
    is_row(family, key, rest);
});
