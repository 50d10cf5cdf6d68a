//! Bodies of requests, as `restante::wire` decodes them.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante_fuzz::structures::{REQUESTS, check};

fuzz_target!(|input: &[u8]| check(REQUESTS, input));
