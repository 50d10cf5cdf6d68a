//! A list of key configurations (RFC 9458 §3.2), as the relay reads it before it shows it to anybody, and as a client
//! does before it uses it.

use restante::fuzzing::is_usable;
use restante_relay::keys;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let is_shown = keys::check(input).is_ok();
    assert!(is_shown || !is_usable(input), "clients take a list that relays refuse");
    // One wrong length makes the whole list wrong: neither a part of it nor a longer one is a list by the same right.
    if let (true, Some((_, shorter))) = (is_shown, input.split_last()) {
        assert!(keys::check(shorter).is_err());
        assert!(keys::check(&[input, &[0]].concat()).is_err());
        // The second copy of a configuration has the identifier of the first.
        assert!(keys::check(&[input, input].concat()).is_err());
    }
}
