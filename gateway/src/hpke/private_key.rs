//! A key to receive with.

use std::fmt;

use aws_lc_rs::agreement::{self, UnparsedPublicKey, X25519, agree};
use x_wing::{Decapsulator as _, KeyExport as _, TryDecapsulate as _};
use zeroize::Zeroizing;

use super::{
    Kem, Undecryptable,
    kdf::{labeled_expand, labeled_extract},
};

/// `"KEM"` and the number of DHKEM(X25519, HKDF-SHA256).
const X25519_SUITE: &[u8] = b"KEM\x00\x20";

enum Secret {
    X25519(agreement::PrivateKey),
    XWing(Box<x_wing::DecapsulationKeyRejectNonContrib>),
}

/// A private key with its public key.
///
/// # Privacy
/// `Debug` shows the KEM only. The libraries wipe the secret when it is dropped.
pub(crate) struct PrivateKey {
    secret: Secret,
    public: Vec<u8>,
}

impl PrivateKey {
    /// Every 32 bytes are a private key of either KEM.
    pub(crate) fn new(kem: Kem, secret: &[u8; 32]) -> Result<Self, Undecryptable> {
        match kem {
            Kem::X25519 => {
                let secret = agreement::PrivateKey::from_private_key(&X25519, secret).map_err(|_| Undecryptable)?;
                let public = secret.compute_public_key().map_err(|_| Undecryptable)?;
                Ok(Self { public: public.as_ref().to_vec(), secret: Secret::X25519(secret) })
            }
            Kem::XWing => {
                let secret = Box::new(x_wing::DecapsulationKeyRejectNonContrib::from(*secret));
                Ok(Self { public: secret.encapsulation_key().to_bytes().to_vec(), secret: Secret::XWing(secret) })
            }
        }
    }

    pub(crate) fn kem(&self) -> Kem {
        match self.secret {
            Secret::X25519(_) => Kem::X25519,
            Secret::XWing(_) => Kem::XWing,
        }
    }

    /// The public key as it stands in a key configuration.
    pub(crate) fn public(&self) -> &[u8] {
        &self.public
    }

    /// `Decap`: the shared secret.
    ///
    /// # Errors
    /// When `encapsulated` has a wrong length or is a point that no honest sender makes (RFC 9180 §7.1.4).
    pub(crate) fn decapsulate(&self, encapsulated: &[u8]) -> Result<Zeroizing<[u8; 32]>, Undecryptable> {
        match &self.secret {
            Secret::X25519(secret) => {
                let peer = UnparsedPublicKey::new(&X25519, encapsulated);
                agree(secret, peer, Undecryptable, |dh| {
                    let prk = labeled_extract(&[], X25519_SUITE, b"eae_prk", dh);
                    let mut shared = Zeroizing::new([0; 32]);
                    let context: [&[u8]; 2] = [encapsulated, &self.public];
                    labeled_expand(&prk, X25519_SUITE, b"shared_secret", &context, shared.as_mut());
                    Ok(shared)
                })
            }
            Secret::XWing(secret) => {
                let ciphertext = x_wing::Ciphertext::try_from(encapsulated).map_err(|_| Undecryptable)?;
                let shared = secret.try_decapsulate(&ciphertext).map_err(|_| Undecryptable)?;
                Ok(Zeroizing::new(shared.into()))
            }
        }
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("PrivateKey").field("kem", &self.kem()).finish_non_exhaustive()
    }
}
