//! What stands inside of bodies, as `restante::wire` decodes them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_fuzz::structures::{PARTS, check};

fuzz_target!(|input: &[u8]| check(PARTS, input));
