//! A token in a file: what it must hold to be one.

use std::path::Path;

use zeroize::{Zeroize, Zeroizing};

use super::files::{read, refuse_public};

/// Shorter ones can be guessed.
const BYTES_MIN: usize = 16;

/// How an operator makes a good one.
const ADVICE: &str = "make one with `head -c 32 /dev/urandom | base64 > FILE`";

/// Reads a token, without the white space around it.
///
/// # Errors
/// A sentence that holds nothing of it: the file cannot be read, can be read by everybody, or holds no usable token.
pub fn read_token(path: &Path) -> Result<Zeroizing<String>, String> {
    refuse_public(path)?;
    let bytes = Zeroizing::new(read(path)?);
    let trimmed = Zeroizing::new(bytes.trim_ascii().to_vec());
    let length = trimmed.len();
    if length < BYTES_MIN {
        return Err(format!(
            "{} holds a token of {length} bytes, and at least {BYTES_MIN} are needed; {ADVICE}",
            path.display()
        ));
    }
    // It travels in an Authorization header.
    if !trimmed.iter().all(u8::is_ascii_graphic) {
        return Err(format!(
            "{} holds more than one word or bytes that a header cannot carry; {ADVICE}",
            path.display()
        ));
    }
    String::from_utf8(trimmed.to_vec()).map(Zeroizing::new).map_err(|error| {
        error.into_bytes().zeroize();
        format!("{} is not ASCII; {ADVICE}", path.display())
    })
}
