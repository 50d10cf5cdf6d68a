//! Who may use the relay: tokens of the provider's own users, as a file of their hashes.
//!
//! A line is the SHA-256 of a token in hex. Lines that begin with `#` and empty ones mean nothing. Whoever reads the file
//! cannot use the relay: a token has 256 random bits, so that its hash leads nowhere.
//!
//! # Security
//! A token is hashed before it is looked for, so that neither a comparison nor a place in a table depends on its bytes in
//! a way that somebody could steer; the hash that is found is compared once more in constant time.
//!
//! # Privacy
//! A token says which account to charge, and nothing more: the file holds no names. It is taken off before anything goes
//! upstream ([`crate::outer_fields`] copies nothing).

use std::{
    collections::HashMap,
    fmt, io,
    path::Path,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::PROXY_AUTHORIZATION};
use restante_files::read_small;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{failure::Failure, limits::UserLimits, rate::Rate};

/// Longer values are not looked at.
const TOKEN_BYTES_MAX: usize = 256;
/// A file of more is refused: it would not be one of tokens.
const TOKENS_MAX: usize = 4_000_000;
/// Room for the lines of all of them, and for as much beside them.
const FILE_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A user's token: a word that only the user and the issuer know.
///
/// # Privacy
/// `Debug` shows nothing.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct UserToken(String);

impl UserToken {
    /// Makes a token of random bytes.
    pub fn of_random(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(BASE64_URL_SAFE_NO_PAD.encode(bytes.as_ref()))
    }

    /// The word, to be given to its user.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

impl fmt::Debug for UserToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("UserToken(…)")
    }
}

/// The hash of a token: what the file holds, and the name by which a token is revoked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }
}

/// The text is no hash of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token's id is 64 lower-case hexadecimal digits, as `tokens list` prints them")]
pub struct InvalidHash;

impl FromStr for TokenHash {
    type Err = InvalidHash;

    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let mut hash = [0; 32];
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidHash);
        }
        hex::decode_to_slice(text, &mut hash).map_err(|_| InvalidHash)?;
        Ok(Self(hash))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash(…)")
    }
}

/// A line of the file is no hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokensError {
    /// Which line.
    #[error("line {0} is no hash of a token; `restante-relay tokens mint` writes lines")]
    Line(usize),
    /// Far more lines than users.
    #[error("there are more than {TOKENS_MAX} tokens")]
    TooMany,
}

/// The text of a file of tokens. Pipes and devices are refused: a reload waits for nobody.
///
/// # Errors
/// The system refuses, it is no regular file, far too long, or no text.
pub(crate) fn read_text(file: &Path) -> io::Result<String> {
    let bytes = read_small(file, FILE_BYTES_MAX)?;
    String::from_utf8(bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))
}

/// All tokens, each with what its user has used up. Bounded by the operator's file, and not by what clients send.
pub struct UserTokens {
    accounts: HashMap<TokenHash, Arc<Account>>,
}

struct Account {
    rate: Mutex<Rate>,
    places: Arc<Semaphore>,
    tunnels: Arc<Semaphore>,
}

/// A user's request or tunnel that was let in; the place is free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Admission {
    _place: OwnedSemaphorePermit,
    _tunnel: Option<OwnedSemaphorePermit>,
}

impl UserTokens {
    /// Reads the lines of a file. Accounts that `before` has are taken over, so that a reload gives nothing back.
    ///
    /// # Errors
    /// The first line that is none.
    pub fn parse(text: &str, limits: UserLimits, before: Option<&Self>) -> Result<Self, TokensError> {
        let mut accounts = HashMap::new();
        for hash in hashes(text) {
            let hash = hash?;
            if accounts.len() == TOKENS_MAX {
                return Err(TokensError::TooMany);
            }
            let known = before.and_then(|before| before.accounts.get(&hash)).cloned();
            accounts.insert(hash, known.unwrap_or_else(|| Arc::new(Account::new(limits))));
        }
        Ok(Self { accounts })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether nobody may use the relay.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    /// Lets a user's request in, and charges it. `now` is the time since any fixed moment.
    pub(crate) fn admit(&self, headers: &HeaderMap, now: Duration, limits: UserLimits) -> Result<Admission, Failure> {
        let account = self.account(headers).ok_or(Failure::Unauthorized)?;
        account.admit(now, limits, None)
    }

    /// The same for a tunnel, of which a user has fewer.
    pub(crate) fn admit_tunnel(
        &self,
        headers: &HeaderMap,
        now: Duration,
        limits: UserLimits,
    ) -> Result<Admission, Failure> {
        let account = self.account(headers).ok_or(Failure::Unauthorized)?;
        let tunnel = account.tunnels.clone().try_acquire_owned().map_err(|_| Failure::TooManyAtOnce)?;
        account.admit(now, limits, Some(tunnel))
    }

    fn account(&self, headers: &HeaderMap) -> Option<&Account> {
        let mut values = headers.get_all(PROXY_AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let (scheme, token) = value.as_bytes().split_at_checked(b"Bearer ".len())?;
        if !scheme.eq_ignore_ascii_case(b"Bearer ") || token.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let presented = TokenHash::of(token);
        let (known, account) = self.accounts.get_key_value(&presented)?;
        bool::from(known.0.ct_eq(&presented.0)).then_some(account)
    }
}

impl Account {
    fn new(limits: UserLimits) -> Self {
        let places = |number: usize| Arc::new(Semaphore::new(number.min(Semaphore::MAX_PERMITS)));
        Self { rate: Mutex::default(), places: places(limits.in_flight), tunnels: places(limits.tunnels) }
    }

    fn admit(
        &self,
        now: Duration,
        limits: UserLimits,
        tunnel: Option<OwnedSemaphorePermit>,
    ) -> Result<Admission, Failure> {
        let place = self.places.clone().try_acquire_owned().map_err(|_| Failure::TooManyAtOnce)?;
        let mut rate = self.rate.lock().unwrap_or_else(PoisonError::into_inner);
        rate.take(now, limits.per_minute, limits.burst)
            .map_err(|wait| Failure::RateLimited(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)))?;
        Ok(Admission { _place: place, _tunnel: tunnel })
    }
}

impl fmt::Debug for UserTokens {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("UserTokens").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// The hashes in a file, in its order.
pub fn hashes(text: &str) -> impl Iterator<Item = Result<TokenHash, TokensError>> {
    let lines = text.lines().map(str::trim).enumerate();
    let meant = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    meant.map(|(number, line)| line.parse().map_err(|InvalidHash| TokensError::Line(number + 1)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const LIMITS: UserLimits = UserLimits { per_minute: 60, burst: 2, in_flight: 1, tunnels: 1 };
    const NOW: Duration = Duration::from_secs(1_000);

    fn token(seed: u8) -> UserToken {
        UserToken::of_random(Zeroizing::new([seed; 32]))
    }

    fn presenting(value: &str) -> HeaderMap {
        HeaderMap::from_iter([(PROXY_AUTHORIZATION, HeaderValue::from_str(value).unwrap())])
    }

    fn bearer(token: &UserToken) -> HeaderMap {
        presenting(&format!("Bearer {}", token.reveal()))
    }

    fn tokens(known: &[u8]) -> UserTokens {
        let text: String = known.iter().map(|seed| format!("{}\n", token(*seed).hash())).collect();
        UserTokens::parse(&format!("# users\n\n{text}"), LIMITS, None).unwrap()
    }

    #[test]
    fn known_tokens_get_in_and_nothing_else_does() {
        let tokens = tokens(&[1, 2]);
        tokens.admit(&bearer(&token(1)), NOW, LIMITS).unwrap();
        tokens.admit(&presenting(&format!("bearer {}", token(2).reveal())), NOW, LIMITS).unwrap();
        let known = token(1).reveal().to_owned();
        let long = format!("Bearer {}", "a".repeat(300));
        let hash = format!("Bearer {}", token(1).hash());
        for value in [
            "",
            "Bearer",
            "Bearer ",
            "Basic x",
            &known,
            &format!("Bearer {known} "),
            &format!("Bearer  {known}"),
            &long,
            &hash,
        ] {
            assert_eq!(tokens.admit(&presenting(value), NOW, LIMITS).unwrap_err(), Failure::Unauthorized, "{value}");
        }
        assert_eq!(tokens.admit(&bearer(&token(3)), NOW, LIMITS).unwrap_err(), Failure::Unauthorized);
        assert_eq!(tokens.admit(&HeaderMap::new(), NOW, LIMITS).unwrap_err(), Failure::Unauthorized);
        let mut twice = bearer(&token(1));
        twice.append(PROXY_AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {known}")).unwrap());
        assert_eq!(tokens.admit(&twice, NOW, LIMITS).unwrap_err(), Failure::Unauthorized);
    }

    #[test]
    fn each_user_has_a_rate_and_places_of_its_own() {
        let tokens = tokens(&[1, 2]);
        let first = tokens.admit(&bearer(&token(1)), NOW, LIMITS).unwrap();
        assert_eq!(tokens.admit(&bearer(&token(1)), NOW, LIMITS).unwrap_err(), Failure::TooManyAtOnce);
        drop(first);
        drop(tokens.admit(&bearer(&token(1)), NOW, LIMITS).unwrap());
        assert_eq!(tokens.admit(&bearer(&token(1)), NOW, LIMITS).unwrap_err(), Failure::RateLimited(1));
        tokens.admit(&bearer(&token(2)), NOW, LIMITS).unwrap();
    }

    #[test]
    fn a_reload_revokes_what_is_gone_and_gives_nothing_back() {
        let before = tokens(&[1, 2]);
        for _ in 0..2 {
            drop(before.admit(&bearer(&token(1)), NOW, LIMITS).unwrap());
        }
        let after = UserTokens::parse(&token(1).hash().to_string(), LIMITS, Some(&before)).unwrap();
        assert_eq!(after.admit(&bearer(&token(1)), NOW, LIMITS).unwrap_err(), Failure::RateLimited(1));
        assert_eq!(after.admit(&bearer(&token(2)), NOW, LIMITS).unwrap_err(), Failure::Unauthorized);
    }

    #[test]
    fn lines_that_are_no_hashes_are_named_by_their_number() {
        for line in ["x", "abcd", &"A".repeat(64), &"0".repeat(65), token(1).reveal()] {
            let text = format!("# one\n{line}\n");
            assert_eq!(UserTokens::parse(&text, LIMITS, None).unwrap_err(), TokensError::Line(2), "{line}");
        }
    }

    #[test]
    fn nothing_of_a_token_is_shown() {
        let token = token(1);
        let shown = format!("{token:?} {:?} {:?}", token.hash(), tokens(&[1]));
        assert!(!shown.contains(token.reveal()) && !shown.contains(&token.hash().to_string()), "{shown}");
    }
}
