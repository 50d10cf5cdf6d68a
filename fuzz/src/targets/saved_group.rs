//! What a client has kept of a group beside the MLS library's own storage.

use restante::fuzzing::kept_again;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some(again) = kept_again(input) else { return };
    assert!(again == input, "another encoding of the same group");
}
