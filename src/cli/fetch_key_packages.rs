//! The words of `restante fetch-key-packages`.

use std::{fmt, net::SocketAddr, path::PathBuf, str::FromStr};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use clap::{ArgGroup, Args};
use restante::{
    client::oblivious::RelayUrl,
    wire::{KeyPackageRequest, ServiceProviderId},
};
use zeroize::Zeroizing;

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("tokens").required(true).args(["token", "token_file"]))]
pub(crate) struct FetchKeyPackages {
    /// The relay
    #[arg(long, value_name = "URL")]
    pub(crate) relay: RelayUrl,

    /// Where to connect instead of looking up the relay's name; its certificate is still that of the name
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) relay_address: Option<SocketAddr>,

    /// A provider that the relay's operator runs; may be repeated
    ///
    /// Its users cannot be asked for: one operator must not see both who asks and about whom. Providers in
    /// the relay's own domain, or in that of a provider given here, are refused in any case.
    #[arg(long, value_name = "ID")]
    pub(crate) relay_operator: Vec<ServiceProviderId>,

    /// The file with your token for the relay
    #[arg(long, value_name = "FILE")]
    pub(crate) relay_token_file: PathBuf,

    /// The provider of the users
    #[arg(long, value_name = "ID")]
    pub(crate) provider: ServiceProviderId,

    /// A user, as text, or as base64:… when the id is no text; may be repeated, up to 32 times
    #[arg(long, value_name = "USER", required = true)]
    pub(crate) user: Vec<User>,

    /// The bearer token for a user, in base64; once for each user, in their order
    ///
    /// Other people on this machine can see the arguments of a process. Use --token-file where that matters.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Vec<Token>,

    /// A file with the bearer tokens, in base64; a line for each user, in their order
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,

    /// The cipher suite that the KeyPackages must have, by its number in RFC 9420
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) suite: u16,

    /// A PEM file of certificate authorities to believe instead of the system's; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Vec<PathBuf>,

    /// Leave out the hybrid key encapsulation (X-Wing), which protects against quantum computers of the future
    #[arg(long)]
    pub(crate) classical: bool,

    /// Print JSON lines
    #[arg(long)]
    pub(crate) json: bool,
}

/// A user id as it was written: `bob`, or `base64:Ym9i`.
#[derive(Clone)]
pub(crate) struct User {
    pub(crate) written: String,
    pub(crate) id: Vec<u8>,
}

impl FromStr for User {
    type Err = &'static str;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        let id = match written.strip_prefix("base64:") {
            Some(encoded) => decode_base64(encoded).ok_or("what stands behind base64: is not base64")?,
            None => written.as_bytes().to_vec(),
        };
        if !(1..=KeyPackageRequest::USER_ID_MAX).contains(&id.len()) {
            return Err("a user id has 1 to 512 bytes");
        }
        Ok(Self { written: written.to_owned(), id })
    }
}

impl fmt::Debug for User {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("User(..)")
    }
}

/// A bearer token as it was written; wiped when dropped. Decoded later, because clap shows what it cannot parse.
#[derive(Clone)]
pub(crate) struct Token(Zeroizing<String>);

impl Token {
    /// What it stands for; `None` when it is no base64 or too long.
    pub(crate) fn decode(&self) -> Option<Zeroizing<Vec<u8>>> {
        let token = decode_base64(self.0.trim()).map(Zeroizing::new)?;
        (1..=KeyPackageRequest::BEARER_TOKEN_MAX).contains(&token.len()).then_some(token)
    }
}

impl From<&str> for Token {
    fn from(written: &str) -> Self {
        Self(Zeroizing::new(written.to_owned()))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Token(..)")
    }
}

/// Either alphabet of RFC 4648, with or without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    STANDARD_NO_PAD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_text_or_base64() {
        let id = |written: &str| written.parse::<User>().map(|user| user.id);
        assert_eq!(id("bob"), Ok(b"bob".to_vec()));
        assert_eq!(id("base64:Ym9i"), Ok(b"bob".to_vec()));
        assert_eq!(id("base64:_-8="), Ok(vec![0xff, 0xef]));
        assert_eq!(id("base64:/+8"), Ok(vec![0xff, 0xef]));
        for wrong in ["", "base64:", "base64:!", &"x".repeat(513)] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tokens_are_base64_and_never_shown() {
        let token = Token::from("c2VjcmV0\n");
        assert_eq!(token.decode().unwrap().as_slice(), b"secret");
        assert_eq!(format!("{token:?}"), "Token(..)");
        for wrong in ["", "s3cr3t token", &"A".repeat(1400)] {
            assert!(Token::from(wrong).decode().is_none(), "{wrong}");
        }
    }
}
