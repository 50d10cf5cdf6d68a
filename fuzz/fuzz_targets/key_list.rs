//! A list of key configurations (RFC 9458 §3.2), as the relay reads it before it shows it to anybody, and as a client
//! does before it uses it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use restante::fuzzing::is_usable;
use restante_relay::keys::check;

fuzz_target!(|input: &[u8]| {
    let is_shown = check(input).is_ok();
    assert!(is_shown || !is_usable(input), "clients take a list that relays refuse");
    // One wrong length makes the whole list wrong: neither a part of it nor a longer one is a list by the same right.
    if let (true, Some((_, shorter))) = (is_shown, input.split_last()) {
        assert!(check(shorter).is_err());
        assert!(check(&[input, &[0]].concat()).is_err());
        // The second copy of a configuration has the identifier of the first.
        assert!(check(&[input, input].concat()).is_err());
    }
});
