//! The AEADs that are offered (RFC 9180 §7.3).

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};

use super::Undecryptable;

/// The one KDF: HKDF-SHA256 (RFC 9180 §7.2).
pub(crate) const KDF_HKDF_SHA256: u16 = 0x0001;

/// `Nn` of both AEADs, bytes.
pub(crate) const NONCE_LENGTH: usize = 12;

/// Bytes of the tag of both AEADs.
pub(crate) const TAG_LENGTH: usize = 16;

/// An AEAD that clients may choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aead {
    /// AES-128-GCM.
    Aes128Gcm,
    /// ChaCha20-Poly1305.
    ChaCha20Poly1305,
}

impl Aead {
    /// Every AEAD, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Aes128Gcm, Self::ChaCha20Poly1305];

    /// The longest `Nk`, bytes.
    pub(crate) const KEY_LENGTH_MAX: usize = 32;

    /// The number in IANA's registry.
    #[must_use]
    pub fn id(self) -> u16 {
        match self {
            Self::Aes128Gcm => 0x0001,
            Self::ChaCha20Poly1305 => 0x0003,
        }
    }

    /// The AEAD of a number, if it is offered.
    #[must_use]
    pub fn from_id(id: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|aead| aead.id() == id)
    }

    /// `Nk`, bytes.
    #[must_use]
    pub fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::ChaCha20Poly1305 => 32,
        }
    }

    /// Where the AEAD stands in [`Self::ALL`].
    pub(crate) fn place(self) -> usize {
        match self {
            Self::Aes128Gcm => 0,
            Self::ChaCha20Poly1305 => 1,
        }
    }

    fn key(self, key: &[u8]) -> Result<LessSafeKey, Undecryptable> {
        let algorithm = match self {
            Self::Aes128Gcm => &aead::AES_128_GCM,
            Self::ChaCha20Poly1305 => &aead::CHACHA20_POLY1305,
        };
        UnboundKey::new(algorithm, key).map(LessSafeKey::new).map_err(|_| Undecryptable)
    }

    /// Opens `sealed` (ciphertext and tag) into `plain`, which is as long as the ciphertext.
    pub(crate) fn open(
        self,
        key: &[u8],
        nonce: [u8; NONCE_LENGTH],
        aad: &[u8],
        sealed: &[u8],
        plain: &mut [u8],
    ) -> Result<(), Undecryptable> {
        let (ciphertext, tag) = sealed.split_last_chunk::<TAG_LENGTH>().ok_or(Undecryptable)?;
        self.key(key)?
            .open_separate_gather(Nonce::assume_unique_for_key(nonce), Aad::from(aad), ciphertext, tag, plain)
            .map_err(|_| Undecryptable)
    }

    /// Seals `buffer[from..]` in place, without associated data, and appends the tag.
    ///
    /// # Panics
    /// When `key` has not `Nk` bytes or the text is longer than the AEAD can take: neither is up to a peer.
    pub(crate) fn seal_from(self, key: &[u8], nonce: [u8; NONCE_LENGTH], buffer: &mut Vec<u8>, from: usize) {
        let tag = self
            .key(key)
            .expect("the key was derived with the length of this AEAD")
            .seal_in_place_separate_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::empty(),
                buffer.get_mut(from..).unwrap_or_default(),
            )
            .expect("a response is far below the AEAD's limit");
        buffer.extend_from_slice(tag.as_ref());
    }
}
