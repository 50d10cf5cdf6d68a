//! Every KeyPackage that was ever uploaded, by its KeyPackageRef, for as long as a Welcome may name it.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};
use sha2::{Digest, Sha256};

use super::StockKey;
use crate::sequencer::UnixMillis;

/// SHA-256 of a KeyPackageRef (RFC 9420 §5.2), whose own length depends on the suite.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode, MlsDecode)]
pub struct ReferenceKey(pub [u8; 32]);

impl ReferenceKey {
    /// The key of a KeyPackageRef.
    pub fn of(reference: &[u8]) -> Self {
        Self(Sha256::digest(reference).into())
    }
}

impl std::fmt::Debug for ReferenceKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("ReferenceKey(..)")
    }
}

/// What is known of an uploaded KeyPackage.
///
/// # Correctness
/// The row outlives the KeyPackage: one that was handed out cannot be uploaded and handed out again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct Reference {
    /// Where it belongs.
    pub stock: StockKey,
    /// Whether it is a last-resort KeyPackage.
    #[mls_codec(with = "crate::wire::flag")]
    pub last_resort: bool,
    /// When it expires.
    pub expires_ms: UnixMillis,
    /// On which day it was first handed out.
    pub handed_out_ms: Option<UnixMillis>,
    /// Whether its owner joined a group with it.
    #[mls_codec(with = "crate::wire::flag")]
    pub joined: bool,
}
