//! The request inside of an Encapsulated Request (RFC 9292), chosen by somebody whom nobody knows.

use bytes::Bytes;
use restante_gateway::BinaryRequest;

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    let Ok(request) = BinaryRequest::decode(&Bytes::copy_from_slice(input)) else { return };
    assert!(request.path.starts_with('/'));
    assert!(request.content.len() < input.len());
    assert!(!request.authority.bytes().any(|byte| byte.is_ascii_uppercase()));
    for (name, value) in &request.fields {
        assert!(!name.as_str().starts_with(':'));
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
}
