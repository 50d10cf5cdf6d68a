//! The part of RFC 9420's key schedule between a Welcome and an exported secret, written from the RFC on SHA-2 alone
//! (HMAC: RFC 2104, HKDF: RFC 5869): what mls-rs exports is compared with this.

use sha2::{Digest, Sha256, Sha384, Sha512};

use super::tls::Tls;

/// The hash of a cipher suite (RFC 9420 §17.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    pub(crate) fn of(cipher_suite: u16) -> Self {
        match cipher_suite {
            1..=3 => Self::Sha256,
            4..=6 => Self::Sha512,
            7 => Self::Sha384,
            other => panic!("cipher suite {other}"),
        }
    }

    pub(crate) fn digest(self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(data).to_vec(),
            Self::Sha384 => Sha384::digest(data).to_vec(),
            Self::Sha512 => Sha512::digest(data).to_vec(),
        }
    }

    /// `KDF.Nh`.
    pub(crate) fn length(self) -> usize {
        self.digest(b"").len()
    }

    fn block(self) -> usize {
        match self {
            Self::Sha256 => 64,
            Self::Sha384 | Self::Sha512 => 128,
        }
    }

    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let mut block = if key.len() > self.block() { self.digest(key) } else { key.to_vec() };
        block.resize(self.block(), 0);
        let padded = |pad: u8| block.iter().map(|byte| byte ^ pad).collect::<Vec<u8>>();
        let inner = self.digest(&[padded(0x36), data.to_vec()].concat());
        self.digest(&[padded(0x5c), inner].concat())
    }

    /// `KDF.Extract(salt, ikm)`.
    pub(crate) fn extract(self, salt: &[u8], ikm: &[u8]) -> Vec<u8> {
        self.hmac(salt, ikm)
    }

    /// `KDF.Expand(prk, info, length)`.
    pub(crate) fn expand(self, prk: &[u8], info: &[u8], length: usize) -> Vec<u8> {
        let mut output = Vec::new();
        let mut block = Vec::new();
        for counter in 1_u8.. {
            block = self.hmac(prk, &[block.as_slice(), info, &[counter]].concat());
            output.extend_from_slice(&block);
            if output.len() >= length {
                break;
            }
        }
        output.truncate(length);
        output
    }

    /// `ExpandWithLabel(Secret, Label, Context, Length)` (RFC 9420 §8).
    pub(crate) fn expand_with_label(self, secret: &[u8], label: &[u8], context: &[u8], length: usize) -> Vec<u8> {
        let length_field = u16::try_from(length).expect("a secret is short");
        let kdf_label = Tls::new().u16(length_field).vector([b"MLS 1.0 ", label].concat()).vector(context);
        self.expand(secret, kdf_label.as_ref(), length)
    }

    /// `DeriveSecret(Secret, Label)` (RFC 9420 §8).
    pub(crate) fn derive_secret(self, secret: &[u8], label: &[u8]) -> Vec<u8> {
        self.expand_with_label(secret, label, b"", self.length())
    }

    /// From the joiner secret, without pre-shared keys, to the epoch secret (RFC 9420 §8).
    pub(crate) fn epoch_secret(self, joiner_secret: &[u8], group_context: &[u8]) -> Vec<u8> {
        let member_secret = self.extract(joiner_secret, &vec![0; self.length()]);
        self.expand_with_label(&member_secret, b"epoch", group_context, self.length())
    }

    /// `exporter_secret` (RFC 9420 §8, Table 4).
    pub(crate) fn exporter_secret(self, epoch_secret: &[u8]) -> Vec<u8> {
        self.derive_secret(epoch_secret, b"exporter")
    }

    /// `MLS-Exporter(Label, Context, Length)` (RFC 9420 §8.5).
    pub(crate) fn export(self, exporter_secret: &[u8], label: &[u8], context: &[u8], length: usize) -> Vec<u8> {
        let derived = self.derive_secret(exporter_secret, label);
        self.expand_with_label(&derived, b"exported", &self.digest(context), length)
    }
}

/// RFC 5869, test cases 1 and 2; RFC 4231, test case 6 with its long key.
#[test]
fn hkdf_and_hmac_are_those_of_the_rfcs() {
    let prk = Hash::Sha256.extract(&(0..=0x0c).collect::<Vec<u8>>(), &[0x0b; 22]);
    assert_eq!(hex::encode(&prk), "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
    assert_eq!(
        hex::encode(Hash::Sha256.expand(&prk, &(0xf0..=0xf9).collect::<Vec<u8>>(), 42)),
        "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
    );
    let prk = Hash::Sha256.extract(&(0x60..=0xaf).collect::<Vec<u8>>(), &(0..=0x4f).collect::<Vec<u8>>());
    assert_eq!(
        hex::encode(Hash::Sha256.expand(&prk, &(0xb0..=0xff).collect::<Vec<u8>>(), 82)),
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09\
         da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87"
    );
    let text = b"Test Using Larger Than Block-Size Key - Hash Key First";
    assert_eq!(
        hex::encode(Hash::Sha384.hmac(&[0xaa; 131], text)),
        "4ece084485813e9088d2c63a041bc5b44f9ef1012a2b588f3cd11f05033ac4c60c2ef6ab4030fe8296248df163f44952"
    );
    assert_eq!(
        hex::encode(Hash::Sha512.hmac(&[0xaa; 131], text)),
        "80b24263c7c1a3ebb71493c1dd7be8b49b46d1f41b4aeec1121b013783f8f3526b56d037e05f2598bd0fd2215d6a1e52\
         95e64f73f63f0aec8b915a985d786598"
    );
}
