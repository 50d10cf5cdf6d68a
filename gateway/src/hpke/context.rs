//! The key schedule and the receiving context (RFC 9180 §5).

use zeroize::Zeroizing;

use super::{
    Aead, KDF_HKDF_SHA256, Kem, PrivateKey, Undecryptable,
    aead::{NONCE_LENGTH, TAG_LENGTH},
    kdf::{labeled_expand, labeled_extract, labeled_extract_bytes},
};

/// The part of the key schedule that is the same for all requests to one key with one AEAD: made once.
pub(crate) struct Schedule {
    aead: Aead,
    suite_id: [u8; 10],
    /// `key_schedule_context`: mode, `psk_id_hash`, `info_hash`.
    context: [u8; 65],
}

impl Schedule {
    /// The schedule of base mode for `info`.
    pub(crate) fn new(kem: Kem, aead: Aead, info: &[u8]) -> Self {
        let mut suite_id = *b"HPKE\0\0\0\0\0\0";
        suite_id[4..6].copy_from_slice(&kem.id().to_be_bytes());
        suite_id[6..8].copy_from_slice(&KDF_HKDF_SHA256.to_be_bytes());
        suite_id[8..].copy_from_slice(&aead.id().to_be_bytes());
        let mut context = [0; 65];
        context[1..33].copy_from_slice(&labeled_extract_bytes(&[], &suite_id, b"psk_id_hash", &[]));
        context[33..].copy_from_slice(&labeled_extract_bytes(&[], &suite_id, b"info_hash", info));
        Self { aead, suite_id, context }
    }

    /// `SetupBaseR`.
    ///
    /// # Errors
    /// When `encapsulated` is not an encapsulated key.
    pub(crate) fn receive<'schedule>(
        &'schedule self,
        key: &PrivateKey,
        encapsulated: &[u8],
    ) -> Result<Context<'schedule>, Undecryptable> {
        let shared = key.decapsulate(encapsulated)?;
        Ok(Context { secret: labeled_extract(shared.as_ref(), &self.suite_id, b"secret", &[]), schedule: self })
    }
}

/// The context of one request. It opens one message: an Encapsulated Request has no second.
pub(crate) struct Context<'schedule> {
    secret: aws_lc_rs::hkdf::Prk,
    schedule: &'schedule Schedule,
}

impl Context<'_> {
    fn derive(&self, label: &[u8], out: &mut [u8]) {
        labeled_expand(&self.secret, &self.schedule.suite_id, label, &[&self.schedule.context], out);
    }

    /// `Open` of the first message.
    pub(crate) fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, Undecryptable> {
        let aead = self.schedule.aead;
        let length = sealed.len().checked_sub(TAG_LENGTH).ok_or(Undecryptable)?;
        let mut key = Zeroizing::new([0; Aead::KEY_LENGTH_MAX]);
        let mut nonce = [0; NONCE_LENGTH];
        let key = &mut key[..aead.key_length()];
        self.derive(b"key", key);
        self.derive(b"base_nonce", &mut nonce);
        let mut plain = Zeroizing::new(vec![0; length]);
        aead.open(key, nonce, aad, sealed, &mut plain)?;
        Ok(plain)
    }

    /// `Export` to the length of `out`, at most 32 bytes.
    pub(crate) fn export(&self, exporter_context: &[u8], out: &mut [u8]) {
        let mut exporter_secret = Zeroizing::new([0; 32]);
        self.derive(b"exp", exporter_secret.as_mut());
        let prk = aws_lc_rs::hkdf::Prk::new_less_safe(aws_lc_rs::hkdf::HKDF_SHA256, exporter_secret.as_ref());
        labeled_expand(&prk, &self.schedule.suite_id, b"sec", &[exporter_context], out);
    }
}
