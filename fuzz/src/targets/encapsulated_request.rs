//! An Encapsulated Request (RFC 9458) for either KEM. What opens is answered, in as many bytes as its class says.

use std::sync::LazyLock;

use super::super::gateway_keys::{KEYS_OF, SECRET};
use bytes::Bytes;
use restante_gateway::{BinaryRequest, LiveKeys, NoEntropy, Padded, SMALLEST_CLASS, Surroundings, Unopened};

static KEYS: LazyLock<[LiveKeys; 2]> = LazyLock::new(|| {
    let keys = |(id, kem)| LiveKeys::fixed(id, kem, &SECRET).expect("any 32 bytes are a private key");
    KEYS_OF.map(keys)
});

/// No time passes, and no two runs of an input differ.
struct Still;

impl Surroundings for Still {
    fn now_ms(&self) -> u64 {
        0
    }

    fn fill(&self, buffer: &mut [u8]) -> Result<(), NoEntropy> {
        buffer.fill(0x5e);
        Ok(())
    }
}

/// What has to hold for any bytes.
///
/// # Panics
/// When it does not.
pub fn check(input: &[u8]) {
    for keys in &*KEYS {
        let unopened = Unopened::new(Bytes::copy_from_slice(input), &Still).expect("there is entropy");
        let Ok(opened) = unopened.open(keys, 0) else { continue };
        assert!(opened.message().len() < input.len());
        let status = match BinaryRequest::decode(opened.message()) {
            Ok(_) => 200_u16,
            Err(_) => 400,
        };
        let status = status.try_into().expect("both are statuses");
        let _answer = opened.seal(Padded::bare(status, SMALLEST_CLASS)).into_http();
    }
}
