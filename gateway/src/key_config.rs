//! Key configurations as they are published (RFC 9458 §3).

use crate::hpke::{Aead, KDF_HKDF_SHA256, Kem};

/// `Key Config`: what a client needs to encapsulate a request to one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConfig {
    /// Key Identifier.
    pub key_id: u8,
    /// HPKE KEM ID.
    pub kem: Kem,
    /// HPKE Public Key, `Npk` bytes.
    pub public_key: Vec<u8>,
}

impl KeyConfig {
    /// The encoding of §3.1. Every key is offered with every AEAD of [`Aead::ALL`].
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.public_key.len() + 13);
        bytes.push(self.key_id);
        bytes.extend_from_slice(&self.kem.id().to_be_bytes());
        bytes.extend_from_slice(&self.public_key);
        bytes.extend_from_slice(&length(Aead::ALL.len() * 4).to_be_bytes());
        for aead in Aead::ALL {
            bytes.extend_from_slice(&KDF_HKDF_SHA256.to_be_bytes());
            bytes.extend_from_slice(&aead.id().to_be_bytes());
        }
        bytes
    }

    /// `application/ohttp-keys` of §3.2: each configuration behind its length, the preferred one first.
    #[must_use]
    pub fn encode_list<'config>(configs: impl IntoIterator<Item = &'config Self>) -> Vec<u8> {
        let mut bytes = Vec::new();
        for config in configs {
            let config = config.encode();
            bytes.extend_from_slice(&length(config.len()).to_be_bytes());
            bytes.extend_from_slice(&config);
        }
        bytes
    }
}

/// The `info` of HPKE (§4.3): the label, a zero byte, and the header of the request.
pub(crate) fn info(key_id: u8, kem: Kem, aead: Aead) -> Vec<u8> {
    let mut info = b"message/bhttp request\0".to_vec();
    info.push(key_id);
    info.extend_from_slice(&kem.id().to_be_bytes());
    info.extend_from_slice(&KDF_HKDF_SHA256.to_be_bytes());
    info.extend_from_slice(&aead.id().to_be_bytes());
    info
}

fn length(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("the longest key, X-Wing's, has 1216 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9458, Appendix A.
    #[test]
    fn the_example_of_the_rfc_is_encoded_as_there() {
        let config = KeyConfig {
            key_id: 1,
            kem: Kem::X25519,
            public_key: hex::decode("31e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e798155").unwrap(),
        };
        let expected = "01002031e1f05a740102115220e9af918f738674aec95f54db6e04eb705aae8e79815500080001000100010003";
        assert_eq!(hex::encode(config.encode()), expected);
        let list = KeyConfig::encode_list([&config, &config]);
        assert_eq!(hex::encode(list), format!("002d{expected}002d{expected}"));
    }
}
