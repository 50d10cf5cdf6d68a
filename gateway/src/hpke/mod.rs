//! HPKE (RFC 9180), receiving side, base mode: what an Oblivious HTTP gateway needs of it and nothing more.
//!
//! X25519, HKDF, AEADs and HMAC are AWS-LC's; X-Wing (draft-connolly-cfrg-xwing-kem) is the `x-wing` crate's. Only the
//! labelled key schedule stands here. It must never draw randomness: a receiver needs none.

mod aead;
mod context;
mod kdf;
mod kem;
mod private_key;
#[cfg(test)]
mod tests;

pub use aead::Aead;
pub(crate) use aead::{KDF_HKDF_SHA256, NONCE_LENGTH};
pub(crate) use context::{Context, Schedule};
pub(crate) use kdf::{expand, extract};
pub use kem::Kem;
pub(crate) use private_key::PrivateKey;

/// The bytes are not what the key's holder was sent: wrong key, wrong suite, or altered on the way. Which of them is not
/// told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not decryptable with the keys at hand")]
pub struct Undecryptable;
