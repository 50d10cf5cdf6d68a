//! Making and judging bearer tokens (specs/protocol.md, "Bearer tokens").

use hmac::{Hmac, KeyInit, Mac};
use mls_rs_codec::MlsEncode;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::wire::{BearerToken, BearerTokenInput, BearerTokenKind};

/// The key under which this provider's tokens are made.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct TokenSecret([u8; 32]);

impl TokenSecret {
    /// Thirty-two random bytes, kept with the database.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of that kind and handle that opens the user's KeyPackages in this period and generation.
    pub fn token(
        &self,
        kind: BearerTokenKind,
        user_id: &[u8],
        handle: &[u8],
        period: u64,
        generation: u32,
    ) -> BearerToken {
        let tag = self.tag(kind, user_id, handle, period, generation);
        BearerToken { kind, handle: handle.to_vec(), tag }
    }

    /// Whether the token is the one that [`TokenSecret::token`] would make.
    ///
    /// # Security
    /// Takes the same time for every token of the same length.
    pub(super) fn is_token(&self, token: &BearerToken, user_id: &[u8], period: u64, generation: u32) -> bool {
        let expected = Zeroizing::new(self.tag(token.kind, user_id, &token.handle, period, generation));
        expected.ct_eq(&token.tag).into()
    }

    fn tag(&self, kind: BearerTokenKind, user_id: &[u8], handle: &[u8], period: u64, generation: u32) -> [u8; 32] {
        let input = BearerTokenInput {
            label: BearerTokenInput::LABEL.to_vec(),
            kind,
            user_id: user_id.to_vec(),
            handle: handle.to_vec(),
            period,
            generation,
        };
        let encoded = Zeroizing::new(input.mls_encode_to_vec().expect("ids and handles are shorter than 2^30 bytes"));
        self.hmac(&encoded)
    }

    /// HMAC-SHA256 of an encoded structure that begins with a label of its own.
    pub(super) fn hmac(&self, encoded: &[u8]) -> [u8; 32] {
        let mut hmac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        hmac.update(encoded);
        hmac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for TokenSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("TokenSecret(..)")
    }
}
