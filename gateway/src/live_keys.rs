//! The keys that a running gateway opens requests with, and the list that it publishes: one consistent picture, replaced
//! as a whole.

use std::fmt;

use bytes::Bytes;

use crate::{
    hpke::{Aead, Context, Kem, PrivateKey, Schedule, Undecryptable},
    key_config::{self, KeyConfig},
};

/// A private key with what can be computed once for all requests to it.
pub(crate) struct LiveKey {
    key_id: u8,
    key: PrivateKey,
    /// By [`Aead::place`].
    schedules: [Schedule; 2],
    accepted_until_ms: u64,
}

impl LiveKey {
    /// # Errors
    /// When the library does not take the secret as a private key.
    pub(crate) fn new(key_id: u8, kem: Kem, secret: &[u8; 32], accepted_until_ms: u64) -> Result<Self, Undecryptable> {
        let key = PrivateKey::new(kem, secret)?;
        let schedules = Aead::ALL.map(|aead| Schedule::new(kem, aead, &key_config::info(key_id, kem, aead)));
        Ok(Self { key_id, key, schedules, accepted_until_ms })
    }

    pub(crate) fn kem(&self) -> Kem {
        self.key.kem()
    }

    pub(crate) fn config(&self) -> KeyConfig {
        KeyConfig { key_id: self.key_id, kem: self.kem(), public_key: self.key.public().to_vec() }
    }

    pub(crate) fn receive(&self, aead: Aead, encapsulated: &[u8]) -> Result<Context<'_>, Undecryptable> {
        self.schedules[aead.place()].receive(&self.key, encapsulated)
    }
}

/// All keys that are accepted, and the list of those that are published.
///
/// # Privacy
/// `Debug` shows how many keys there are.
pub struct LiveKeys {
    keys: Vec<LiveKey>,
    list: Bytes,
    sha256: [u8; 32],
    etag: String,
}

impl LiveKeys {
    /// `listed` names the keys of the list, the preferred one first.
    pub(crate) fn new(keys: Vec<LiveKey>, listed: &[u8]) -> Self {
        let configs: Vec<KeyConfig> = listed
            .iter()
            .filter_map(|key_id| keys.iter().find(|key| key.key_id == *key_id))
            .map(LiveKey::config)
            .collect();
        let list = Bytes::from(KeyConfig::encode_list(&configs));
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &list);
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest.as_ref());
        let etag = sha256.iter().take(16).map(|byte| format!("{byte:02x}")).collect::<String>();
        Self { keys, list, sha256, etag: format!("\"{etag}\"") }
    }

    /// The keys of one configuration that never changes: for tests and measurements.
    ///
    /// # Errors
    /// When the library does not take the secret as a private key.
    pub fn fixed(key_id: u8, kem: Kem, secret: &[u8; 32]) -> Result<Self, Undecryptable> {
        Ok(Self::new(vec![LiveKey::new(key_id, kem, secret, u64::MAX)?], &[key_id]))
    }

    /// The key of an id, while it is accepted. At most two of a KEM are, so looking at each is the fastest way.
    pub(crate) fn find(&self, key_id: u8, now_ms: u64) -> Option<&LiveKey> {
        self.keys.iter().find(|key| key.key_id == key_id).filter(|key| now_ms < key.accepted_until_ms)
    }

    /// `application/ohttp-keys`, the same bytes for everybody.
    #[must_use]
    pub fn list(&self) -> &Bytes {
        &self.list
    }

    /// SHA-256 of the list, for people who compare it with what relays have seen.
    #[must_use]
    pub fn list_sha256(&self) -> [u8; 32] {
        self.sha256
    }

    /// A strong validator for the list: half of its SHA-256.
    #[must_use]
    pub fn etag(&self) -> &str {
        &self.etag
    }
}

impl fmt::Debug for LiveKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("LiveKeys").field("keys", &self.keys.len()).finish_non_exhaustive()
    }
}
