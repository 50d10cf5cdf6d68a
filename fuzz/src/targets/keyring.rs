//! The plaintext of a keyring's file, as whoever has the seal key may write it.

use restante_gateway::fuzzing::keyring_again;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Some(again) = keyring_again(input) else { return };
    assert!(*again == input, "another encoding of the same keys");
}
