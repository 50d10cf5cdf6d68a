//! The secrets of the local listener.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderValue;
use zeroize::Zeroizing;

/// The token with which a provider's services and devices come to its local listener.
///
/// # Security
/// Wiped when dropped; what a request carries is marked sensitive.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct ServiceToken(Zeroizing<String>);

impl ServiceToken {
    /// Takes the token as it stands in its file; white space around it is dropped. `None` when it is empty or has
    /// characters that no header can carry.
    pub fn new(token: &str) -> Option<Self> {
        let token = token.trim();
        let fits = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| Self(Zeroizing::new(token.to_owned())))
    }

    /// `Bearer …`
    pub(in crate::client) fn header(&self) -> HeaderValue {
        sensitive(&Zeroizing::new(format!("Bearer {}", self.0.as_str())))
    }
}

impl fmt::Debug for ServiceToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ServiceToken(..)")
    }
}

/// The user who acts, opaque to everyone but the provider.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone)]
pub struct UserId(Zeroizing<Vec<u8>>);

impl UserId {
    /// The longest `user_id`, in bytes.
    pub const LENGTH_MAX: usize = 512;

    /// `None` when the id is empty or too long: no listener takes it.
    pub fn new(user_id: &[u8]) -> Option<Self> {
        (1..=Self::LENGTH_MAX).contains(&user_id.len()).then(|| Self(Zeroizing::new(user_id.to_vec())))
    }

    /// `DS-User: :<base64>:`, a byte sequence of RFC 9651.
    pub(super) fn header(&self) -> HeaderValue {
        sensitive(&Zeroizing::new(format!(":{}:", STANDARD.encode(self.0.as_slice()))))
    }
}

impl fmt::Debug for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserId(..)")
    }
}

fn sensitive(text: &str) -> HeaderValue {
    let mut value = HeaderValue::from_str(text).expect("graphic ASCII is a header value");
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_as_the_listener_reads_them_and_never_shown() {
        let (token, user) = (ServiceToken::new(" s3cret\n").unwrap(), UserId::new(&[0xff, 0xfe, 0x00]).unwrap());
        assert_eq!(token.header(), "Bearer s3cret");
        assert_eq!(user.header(), "://4A:");
        let shown = format!("{token:?} {user:?} {:?} {:?}", token.header(), user.header());
        assert!(!shown.contains("s3cret") && !shown.contains("4A"));
        assert!(
            ServiceToken::new("").is_none() && ServiceToken::new("a b").is_none() && ServiceToken::new("ä").is_none()
        );
    }

    #[test]
    fn a_user_id_is_as_long_as_the_listener_takes_it() {
        assert!(UserId::new(&[0]).is_some() && UserId::new(&[0; 512]).is_some());
        assert!(UserId::new(b"").is_none() && UserId::new(&[0; 513]).is_none());
    }
}
