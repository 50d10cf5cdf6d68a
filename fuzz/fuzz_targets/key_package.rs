//! A KeyPackage, as users upload it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::{mls::WireKeyPackage, wire};
use restante_fuzz::structures::is_canonical;

fuzz_target!(|input: &[u8]| {
    is_canonical::<WireKeyPackage>(input);
    if let Ok(package) = wire::decode::<WireKeyPackage>(input) {
        assert_eq!(package.bytes(), input);
    }
});
