//! The rows of RocksDB's own family, `default`: what a database says of itself.
//!
//! Reads nothing by itself: it is given a row as a disk may give it, with any byte wrong.

use super::keys;
use crate::{
    sequencer::{Forgotten, UnixMillis},
    store::Error,
    wire::ServiceProviderId,
};

/// Whether the row belongs here.
pub(super) fn fits(key: &[u8], value: &[u8]) -> bool {
    match key {
        keys::FORMAT => format_version(value).is_ok(),
        keys::PROVIDER => owner(value).is_ok(),
        keys::USER_TAG_SECRET | keys::TOKEN_SECRET => secret(value).is_ok(),
        keys::RESTORED => forgotten(value).is_ok(),
        _ => false,
    }
}

pub(super) fn format_version(value: &[u8]) -> Result<u32, Error> {
    value.try_into().map(u32::from_be_bytes).map_err(|_| Error::Corrupt("format version"))
}

/// Whose database it is.
pub(super) fn owner(value: &[u8]) -> Result<ServiceProviderId, Error> {
    let id = std::str::from_utf8(value).ok();
    id.and_then(|id| id.parse().ok()).ok_or(Error::Corrupt("owner"))
}

pub(super) fn secret(value: &[u8]) -> Result<[u8; 32], Error> {
    value.try_into().map_err(|_| Error::Corrupt("secret"))
}

/// What it has forgotten when it was put back from a backup.
pub(super) fn forgotten(value: &[u8]) -> Result<Forgotten, Error> {
    let parts = value.split_first_chunk::<8>().and_then(|(until, rest)| Some((*until, rest.try_into().ok()?)));
    let (until_ms, indexes) = parts.ok_or(Error::Corrupt("restore"))?;
    Ok(Forgotten { until_ms: UnixMillis::from_be_bytes(until_ms), indexes: u32::from_be_bytes(indexes) })
}
