//! What strangers' bytes reach here, for the targets of `fuzz/`.

use std::time::Duration;

use super::{
    Kems, KeyLogError, KeyLogReport,
    binary_response::read_response,
    key_list::{GatewayKey, ListDigest},
    key_log,
};

/// As short as an operator would have it.
const CHANGE_MIN: Duration = Duration::from_secs(12 * 60 * 60);

/// Whether a client finds a key in a list, and can begin a request with it.
pub(crate) fn is_usable(list: &[u8]) -> bool {
    let Ok(key) = GatewayKey::choose(list, Kems::WithHybrid) else { return false };
    // A key of a form that is right may still be none.
    key.context().is_ok()
}

/// The status of a binary response, if it is one.
pub(crate) fn response_status(response: &[u8]) -> Option<u16> {
    read_response(response).map(|response| response.status.as_u16())
}

/// Checks a log of key lists of which the one with that digest is in use.
pub(crate) fn check_key_log(text: &[u8], in_use: [u8; 32], now_ms: u64) -> Result<KeyLogReport, KeyLogError> {
    key_log::check(text, ListDigest(in_use), None, CHANGE_MIN, now_ms)
}
