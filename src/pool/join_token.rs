//! Join tokens: a member's provider vouches for somebody who is not in the group yet (specs/protocol.md, J6).
//!
//! The hub remembers none: it makes each one again to compare.

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use subtle::ConstantTimeEq;

use super::TokenSecret;
use crate::sequencer::{GroupKey, UnixMillis};

/// What the hub finds in a token of its own.
#[derive(MlsSize, MlsEncode, MlsDecode)]
struct JoinToken {
    /// Good until then.
    expires_ms: UnixMillis,
    tag: [u8; 32],
}

/// What `tag` covers.
#[derive(MlsSize, MlsEncode)]
struct JoinTokenInput {
    #[mls_codec(with = "byte_vec")]
    label: Vec<u8>,
    group: GroupKey,
    expires_ms: UnixMillis,
}

const LABEL: &[u8] = b"mimi-ds join v1";

impl TokenSecret {
    /// A token that opens the group until `expires_ms`, to whoever shows it.
    pub fn join_token(&self, group: &GroupKey, expires_ms: UnixMillis) -> Vec<u8> {
        let token = JoinToken { expires_ms, tag: self.join_tag(group, expires_ms) };
        token.mls_encode_to_vec().expect("forty bytes are shorter than 2^30")
    }

    /// Whether the bytes are a token that opens the group now.
    ///
    /// # Security
    /// Takes the same time for every tag.
    pub fn opens(&self, token: &[u8], group: &GroupKey, now: UnixMillis) -> bool {
        let Ok(JoinToken { expires_ms, tag }) = JoinToken::mls_decode_exhaustive(token) else { return false };
        let is_ours: bool = self.join_tag(group, expires_ms).ct_eq(&tag).into();
        is_ours && now < expires_ms
    }

    fn join_tag(&self, group: &GroupKey, expires_ms: UnixMillis) -> [u8; 32] {
        let input = JoinTokenInput { label: LABEL.to_vec(), group: *group, expires_ms };
        self.hmac(&input.mls_encode_to_vec().expect("a label, a hash and a number are shorter than 2^30"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_group_for_its_time_and_nothing_else() {
        let (secret, group) = (TokenSecret::new([7; 32]), GroupKey::of(b"a group"));
        let token = secret.join_token(&group, 1000);
        assert!(secret.opens(&token, &group, 999));
        assert!(!secret.opens(&token, &group, 1000), "it has expired");
        assert!(!secret.opens(&token, &GroupKey::of(b"another group"), 0));
        assert!(!TokenSecret::new([8; 32]).opens(&token, &group, 0), "another hub's");
        for at in 0..token.len() {
            let mut changed = token.clone();
            changed[at] ^= 1;
            assert!(!secret.opens(&changed, &group, 0), "byte {at}");
            assert!(!secret.opens(&token[..at], &group, 0), "{at} bytes");
        }
        assert!(!secret.opens(&[token.as_slice(), &[0]].concat(), &group, 0));
    }
}
