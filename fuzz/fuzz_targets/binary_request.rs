//! The request inside of an Encapsulated Request (RFC 9292), chosen by somebody whom nobody knows.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use restante_gateway::BinaryRequest;

fuzz_target!(|input: &[u8]| {
    let Ok(request) = BinaryRequest::decode(&Bytes::copy_from_slice(input)) else { return };
    assert!(request.path.starts_with('/'));
    assert!(request.content.len() < input.len());
    assert!(!request.authority.bytes().any(|byte| byte.is_ascii_uppercase()));
    for (name, value) in &request.fields {
        assert!(!name.as_str().starts_with(':'));
        assert!(!value.as_bytes().iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0)));
    }
});
