//! The response inside of an Encapsulated Response (RFC 9292), as the client reads it.

use restante::fuzzing::response_status;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some(status) = response_status(input) else { return };
    assert!((100..1000).contains(&status));
    // Padding of zeros changes nothing, and any other byte is an error.
    assert_eq!(response_status(&[input, &[0; 8]].concat()), Some(status));
}
