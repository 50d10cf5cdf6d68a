//! The key that the keyring is sealed under: 32 random bytes in a file of their own, so that a copy or backup of the
//! keyring's folder alone gives no private key away.

use std::{fs, io, path::Path};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::{KeyringError, file};
use crate::machine::Surroundings;

/// Bytes of AES-256-GCM's nonce and tag.
const NONCE: usize = 12;

/// Seals and opens with AES-256-GCM.
///
/// # Privacy
/// `Debug` shows nothing; the library wipes the key when it is dropped.
pub struct SealKey(LessSafeKey);

impl SealKey {
    /// How long its file is.
    pub const BYTES: usize = 32;

    /// Reads the key. `None` when there is no file.
    ///
    /// # Errors
    /// When others may read the file, and when it does not hold 32 bytes.
    pub fn load(path: &Path) -> Result<Option<Self>, KeyringError> {
        let Some(bytes) = file::read_private(path)? else { return Ok(None) };
        if bytes.len() != Self::BYTES {
            return Err(KeyringError::SealKeyLength { path: path.to_owned() });
        }
        Self::new(&bytes).map(Some)
    }

    /// Makes a key and writes it, for its owner alone.
    ///
    /// # Errors
    /// When the file is there already or cannot be written.
    pub fn create(path: &Path, surroundings: &dyn Surroundings) -> Result<Self, KeyringError> {
        let mut bytes = Zeroizing::new([0; Self::BYTES]);
        surroundings.fill(bytes.as_mut())?;
        if fs::exists(path).is_ok_and(|exists| exists) {
            return Err(KeyringError::Io { path: path.to_owned(), error: io::ErrorKind::AlreadyExists.into() });
        }
        file::write_private(path, bytes.as_ref())?;
        Self::new(bytes.as_ref())
    }

    fn new(bytes: &[u8]) -> Result<Self, KeyringError> {
        let key = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| KeyringError::NotAKey)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Nonce, ciphertext, tag.
    pub(super) fn seal(
        &self,
        header: &[u8],
        plain: &[u8],
        surroundings: &dyn Surroundings,
    ) -> Result<Vec<u8>, KeyringError> {
        let mut nonce = [0; NONCE];
        surroundings.fill(&mut nonce)?;
        let mut sealed = nonce.to_vec();
        let mut buffer = Zeroizing::new(plain.to_vec());
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(header), &mut buffer)
            .expect("a keyring of at most 256 keys is far below the AEAD's limit");
        sealed.extend_from_slice(&buffer);
        sealed.extend_from_slice(tag.as_ref());
        Ok(sealed)
    }

    /// `None` when it was not sealed with this key and header.
    pub(super) fn open(&self, header: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let plain = self.0.open_in_place(nonce, Aad::from(header), &mut buffer).ok()?.len();
        buffer.truncate(plain);
        Some(buffer)
    }
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("SealKey").finish_non_exhaustive()
    }
}
