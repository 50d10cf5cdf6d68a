//! HKDF-SHA256 and its labelled forms (RFC 9180 §4).

use aws_lc_rs::{
    hkdf::{HKDF_SHA256, KeyType, Prk},
    hmac,
};

const VERSION: &[u8] = b"HPKE-v1";

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-Extract over the concatenation of `ikm`. It is HMAC itself: the library's own `extract` is lazy and would repeat
/// the work at each expansion.
pub(crate) fn extract(salt: &[u8], ikm: &[&[u8]]) -> Prk {
    Prk::new_less_safe(HKDF_SHA256, hmac_sha256(salt, ikm).as_ref())
}

fn hmac_sha256(salt: &[u8], ikm: &[&[u8]]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, salt));
    for part in ikm {
        context.update(part);
    }
    context.sign()
}

/// HKDF-Expand to the length of `out`, at most 255 × 32 bytes.
pub(crate) fn expand(prk: &Prk, info: &[&[u8]], out: &mut [u8]) {
    prk.expand(info, Length(out.len()))
        .and_then(|okm| okm.fill(out))
        .expect("every length asked for is at most 32 bytes, and HKDF gives 8160");
}

/// `LabeledExtract`, kept as bytes.
pub(super) fn labeled_extract_bytes(salt: &[u8], suite_id: &[u8], label: &[u8], ikm: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(hmac_sha256(salt, &[VERSION, suite_id, label, ikm]).as_ref());
    bytes
}

/// `LabeledExtract`.
pub(super) fn labeled_extract(salt: &[u8], suite_id: &[u8], label: &[u8], ikm: &[u8]) -> Prk {
    extract(salt, &[VERSION, suite_id, label, ikm])
}

/// `LabeledExpand` to the length of `out`, at most 32 bytes.
pub(super) fn labeled_expand(prk: &Prk, suite_id: &[u8], label: &[u8], info: &[&[u8]], out: &mut [u8]) {
    let length = u16::try_from(out.len()).unwrap_or(u16::MAX).to_be_bytes();
    match info {
        [info] => expand(prk, &[&length, VERSION, suite_id, label, info], out),
        [first, second] => expand(prk, &[&length, VERSION, suite_id, label, first, second], out),
        _ => expand(prk, &[&length, VERSION, suite_id, label], out),
    }
}
