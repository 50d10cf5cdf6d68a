//! Partition keys (draft §3) and their masked form (draft §4.4).

use std::fmt;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::ServiceProviderId;
use crate::mls::{Fault, fixed, vector};

/// `opaque PartitionKey[16]`: a secret of one epoch of one group, exported from the MLS key schedule.
///
/// # Security
/// Compared in constant time; wiped when dropped.
///
/// # Privacy
/// `Debug` shows nothing of it. Only [`PartitionKey::masked`] is ever stored, indexed or compared by a hub.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct PartitionKey([u8; Self::LENGTH]);

impl PartitionKey {
    /// Sixteen bytes, without a length prefix on the wire.
    pub const LENGTH: usize = 16;

    /// The label under which members export it: `MLS-Exporter(LABEL, PartitionKeyContext, 16)` (RFC 9420 §8.5).
    pub const EXPORTER_LABEL: &'static [u8] = b"mimi-ds partition key";

    /// A key from its bytes.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The secret bytes, for sealing in a client's own storage.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// SHA-256 of the key.
    pub fn masked(&self) -> MaskedPartitionKey {
        MaskedPartitionKey(Sha256::digest(self.0).into())
    }
}

impl PartialEq for PartitionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for PartitionKey {}

impl fmt::Debug for PartitionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("PartitionKey(..)")
    }
}

impl MlsSize for PartitionKey {
    fn mls_encoded_len(&self) -> usize {
        Self::LENGTH
    }
}

impl MlsEncode for PartitionKey {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        writer.extend_from_slice(&self.0);
        Ok(())
    }
}

impl MlsDecode for PartitionKey {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        fixed(reader).map(Self)
    }
}

/// `struct { ServiceProviderId hub; }`: the context of the exporter, so that two hubs never see the same key.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct PartitionKeyContext {
    /// The hub of the group.
    pub hub: ServiceProviderId,
}

/// `opaque MaskedPartitionKey<V>`: SHA-256 of a partition key, 32 bytes.
///
/// # Privacy
/// Not a secret of members, yet it names an epoch: `Debug` shows four bytes, for tests; logs show none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MaskedPartitionKey([u8; Self::LENGTH]);

impl MaskedPartitionKey {
    /// Thirty-two bytes.
    pub const LENGTH: usize = 32;

    /// Stands where there is no partition. No known key has this hash.
    pub const NONE: Self = Self([0; Self::LENGTH]);

    /// A masked key from its bytes.
    pub fn new(bytes: [u8; Self::LENGTH]) -> Self {
        Self(bytes)
    }

    /// The hash.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }
}

impl fmt::Debug for MaskedPartitionKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(formatter, "{a:02x}{b:02x}{c:02x}{d:02x}…")
    }
}

impl MlsSize for MaskedPartitionKey {
    fn mls_encoded_len(&self) -> usize {
        byte_vec::mls_encoded_len(&self.0)
    }
}

impl MlsEncode for MaskedPartitionKey {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        byte_vec::mls_encode(&self.0, writer)
    }
}

impl MlsDecode for MaskedPartitionKey {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let hash = vector(reader)?;
        Ok(Self(hash.try_into().map_err(|_| Fault::MaskedPartitionKey)?))
    }
}
