//! `application/ohttp-keys` (RFC 9458 §3): read strictly, used in part.
//!
//! Nothing of a list reaches the cryptography but one configuration that was looked at here: `ohttp` 0.8 takes the last
//! configuration of a list instead of the first, and panics when the algorithms of one are all unknown to it.

use std::fmt;

use sha2::{Digest, Sha256};

/// The longest list that is read, in bytes. Seven times what a gateway with two X25519 and two X-Wing keys serves.
pub const KEY_LIST_MAX: usize = 16 * 1024;
/// The most configurations that are read: as many as relays take.
const CONFIGURATIONS_MAX: usize = 16;

const X25519: u16 = 0x0020;
const X_WING: u16 = 0x647a;
const HKDF_SHA256: u16 = 0x0001;
const AES_128_GCM: u16 = 0x0001;
const CHACHA20_POLY1305: u16 = 0x0003;

/// Which key encapsulation mechanisms a client takes part in.
///
/// # Privacy
/// The choice is visible to relay and gateway. Clients that choose alike cannot be told apart by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kems {
    /// X25519 and X-Wing (ML-KEM-768 with X25519), whichever the gateway names first.
    #[default]
    WithHybrid,
    /// X25519 only.
    Classical,
}

impl Kems {
    fn has(self, kem: u16) -> bool {
        kem == X25519 || (kem == X_WING && self == Self::WithHybrid)
    }
}

/// A list is of no use. A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum KeyListError {
    /// More than [`KEY_LIST_MAX`] bytes, or more configurations than anybody needs.
    #[error("the gateway's key list is too large")]
    TooLarge,
    /// An encoding error somewhere: then all of the list is dropped (§3.2), because what some clients recover and others
    /// do not would tell them apart.
    #[error("the gateway's key list is wrongly encoded")]
    Encoding,
    /// Two configurations with one identifier: which of them a request used could not be told, and two clients that choose
    /// differently could be told apart.
    #[error("the gateway's key list has two keys with one identifier")]
    SameIdentifier,
    /// Nothing in it that this client can use.
    #[error("the gateway's key list has no key and algorithms that this client can use")]
    NoUsableKey,
}

/// The SHA-256 of a list, by which relays' logs name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ListDigest(pub(super) [u8; 32]);

impl ListDigest {
    pub(super) fn of(list: &[u8]) -> Self {
        Self(Sha256::digest(list).into())
    }
}

/// One key of a gateway and the algorithms to use with it.
///
/// # Privacy
/// `Debug` shows the key id only, which is in clear in every request.
#[derive(Clone)]
pub(super) struct GatewayKey {
    id: u8,
    config: ohttp::KeyConfig,
}

impl GatewayKey {
    /// The first configuration of a list that the client can use.
    pub(super) fn choose(list: &[u8], kems: Kems) -> Result<Self, KeyListError> {
        if list.len() > KEY_LIST_MAX {
            return Err(KeyListError::TooLarge);
        }
        let (mut chosen, mut identifiers) = (None, [false; 256]);
        let mut rest = list;
        for _ in 0..CONFIGURATIONS_MAX {
            let length = read_u16(&mut rest)?;
            let configuration = Configuration::read(take(&mut rest, length.into())?)?;
            if std::mem::replace(&mut identifiers[usize::from(configuration.key_id)], true) {
                return Err(KeyListError::SameIdentifier);
            }
            // Those behind the chosen one are read as well: an error in them drops the list.
            chosen = match chosen {
                None => configuration.usable(kems)?,
                Some(_) => chosen,
            };
            if rest.is_empty() {
                return chosen.ok_or(KeyListError::NoUsableKey);
            }
        }
        Err(KeyListError::TooLarge)
    }

    /// A fresh HPKE context for one request (§6.1).
    pub(super) fn context(&self) -> Result<ohttp::ClientRequest, ohttp::Error> {
        ohttp::ClientRequest::from_config(&mut self.config.clone())
    }
}

impl fmt::Debug for GatewayKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("GatewayKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A key configuration (§3.1) whose lengths fit together.
struct Configuration<'list> {
    key_id: u8,
    kem: u16,
    public_key: &'list [u8],
    /// Pairs of KDF and AEAD, four bytes each. Empty for a KEM that is not known: where its key ends is not, either.
    symmetric: &'list [u8],
}

impl<'list> Configuration<'list> {
    fn read(mut bytes: &'list [u8]) -> Result<Self, KeyListError> {
        let key_id = take(&mut bytes, 1)?[0];
        let kem = read_u16(&mut bytes)?;
        let Some(key_length) = key_length(kem) else {
            return Ok(Self { key_id, kem, public_key: &[], symmetric: &[] });
        };
        let public_key = take(&mut bytes, key_length)?;
        let length = read_u16(&mut bytes)?;
        let symmetric = take(&mut bytes, length.into())?;
        if symmetric.is_empty() || symmetric.len() % 4 != 0 || !bytes.is_empty() {
            return Err(KeyListError::Encoding);
        }
        Ok(Self { key_id, kem, public_key, symmetric })
    }

    /// The key with the first pair of algorithms that the client has; `None` when it lacks the KEM or all of them.
    fn usable(&self, kems: Kems) -> Result<Option<GatewayKey>, KeyListError> {
        let mut pairs = self
            .symmetric
            .chunks_exact(4)
            .map(|pair| (u16::from_be_bytes([pair[0], pair[1]]), u16::from_be_bytes([pair[2], pair[3]])));
        let known = |&(kdf, aead): &(u16, u16)| kdf == HKDF_SHA256 && matches!(aead, AES_128_GCM | CHACHA20_POLY1305);
        let Some((kdf, aead)) = pairs.find(known).filter(|_| kems.has(self.kem)) else { return Ok(None) };
        let mut encoded = vec![self.key_id];
        encoded.extend_from_slice(&self.kem.to_be_bytes());
        encoded.extend_from_slice(self.public_key);
        for number in [4, kdf, aead] {
            encoded.extend_from_slice(&number.to_be_bytes());
        }
        // What fails now is the key itself.
        let config = ohttp::KeyConfig::decode(&encoded).map_err(|_| KeyListError::Encoding)?;
        Ok(Some(GatewayKey { id: self.key_id, config }))
    }
}

/// `Npk` of the KEMs that the IANA registry names (RFC 9180 §7.1, X-Wing).
fn key_length(kem: u16) -> Option<usize> {
    match kem {
        0x0010 => Some(65),
        0x0011 => Some(97),
        0x0012 => Some(133),
        X25519 => Some(32),
        0x0021 => Some(56),
        X_WING => Some(1216),
        _ => None,
    }
}

fn take<'list>(bytes: &mut &'list [u8], length: usize) -> Result<&'list [u8], KeyListError> {
    let (taken, rest) = bytes.split_at_checked(length).ok_or(KeyListError::Encoding)?;
    *bytes = rest;
    Ok(taken)
}

fn read_u16(bytes: &mut &[u8]) -> Result<u16, KeyListError> {
    let taken = take(bytes, 2)?;
    Ok(u16::from_be_bytes([taken[0], taken[1]]))
}
