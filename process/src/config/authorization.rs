//! The value of an Authorization field in a file (RFC 9110 §11.6.2): what it must hold to be one.

use std::path::Path;

use http::{HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::files::{read, refuse_public};

/// Longer ones are no credentials, and servers refuse them.
const BYTES_MAX: usize = 4096;

/// Reads a scheme and its credentials, such as `Bearer …` or `Basic …`, without the white space around them.
///
/// # Errors
/// A sentence that holds nothing of it: the file cannot be read, can be read by everybody, or holds something else.
pub fn read_authorization(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    refuse_public(path)?;
    let bytes = Zeroizing::new(read(path)?);
    let value = bytes.trim_ascii();
    let wants = "write a scheme, a space and the credentials in one line, such as `Bearer …`";
    let mut words = value.split(|byte| *byte == b' ');
    let is_whole =
        words.next().is_some_and(is_token) && words.next().is_some_and(|credentials| !credentials.is_empty());
    if !is_whole || value.len() > BYTES_MAX || HeaderValue::from_bytes(value).is_err() {
        return Err(format!("{} holds no value of an Authorization field; {wants}", path.display()));
    }
    Ok(Zeroizing::new(value.to_vec()))
}

/// RFC 9110 §5.6.2: schemes and names of fields are both tokens.
fn is_token(text: &[u8]) -> bool {
    HeaderName::from_bytes(text).is_ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    #[test]
    fn a_scheme_and_its_credentials_are_read_and_nothing_else_is() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("authorization");
        let read = |text: &[u8], mode: u32| {
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            read_authorization(&file)
        };
        for text in
            ["Bearer a-secret\n", "Basic dXNlcjpzZWNyZXQ=", "Api-Token a.b", "Digest username=\"a\", nonce=\"b\""]
        {
            assert_eq!(&**read(text.as_bytes(), 0o600).unwrap(), text.trim().as_bytes());
        }
        let long = [b"Bearer ".to_vec(), vec![b'a'; BYTES_MAX]].concat();
        for text in [&b""[..], b"Bearer", b"Bearer \n", b"a-secret", b"Bearer a\nX: secret", b"Be:arer secret", &long] {
            let said = read(text, 0o600).unwrap_err();
            assert!(said.contains("Authorization") && !said.contains("secret"), "{said}");
        }
        let said = read(b"Bearer a-secret", 0o604).unwrap_err();
        assert!(said.contains("every user of this machine") && !said.contains("a-secret"), "{said}");
    }
}
