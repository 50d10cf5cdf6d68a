#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| restante_fuzz::targets::export_answer::check(input));
