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
    /// Every user of this machine can see the arguments of a process, and shells remember them: there is a warning. Use
    /// --token-file wherever others are on the machine.
    #[arg(long, value_name = "TOKEN")]
    pub(crate) token: Vec<Token>,

    /// A file with the bearer tokens, in base64, or - for standard input; a line for each user, in their order
    ///
    /// There is no variable for them: the environment of a process is handed on to all that it starts.
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

    /// Write each KeyPackage into a file of its own in this folder, and print the files' paths
    ///
    /// The folder is made if it is not there. Nothing is asked for when it cannot be written to: what was handed out is
    /// handed out once. A file is named after the KeyPackage's reference.
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,

    /// Remember in this file where the relay's log of key lists ended, and refuse a log that does not go on from there
    ///
    /// The file is made if it is not there; it names the relays and providers that were asked. Without it, each run looks
    /// at the log as if for the first time. Several runs may share it. A list that came too soon is used when it has stood
    /// for as long as a list must; who has looked into it need not wait, and goes on with --key-change-min-hours 0.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_log_file: Option<PathBuf>,

    /// How many hours a key list must have stood in the relay's log before another may follow, or, if it came sooner, before
    /// it is used itself
    #[arg(long, value_name = "HOURS", default_value_t = 12)]
    pub(crate) key_change_min_hours: u16,

    /// Do not look at the relay's log of key lists
    #[arg(long, conflicts_with_all = ["key_log_file", "key_change_min_hours"])]
    pub(crate) no_key_log: bool,

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
            Some(encoded) => decode_base64(encoded).ok_or("what stands behind base64: is not base64")?.to_vec(),
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
        let token = decode_base64(self.0.trim())?;
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

/// Either alphabet of RFC 4648, with or without padding. What one of them read before it failed is wiped as well.
fn decode_base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let text = text.trim_end_matches('=');
    // More than it can be: the decoder wants room for whole groups.
    let mut decoded = Zeroizing::new(vec![0; text.len() + 3]);
    let written = STANDARD_NO_PAD.decode_slice(text, &mut decoded);
    let length = written.or_else(|_| URL_SAFE_NO_PAD.decode_slice(text, &mut decoded)).ok()?;
    decoded.truncate(length);
    Some(decoded)
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
        for (short, decoded) in [("YQ", "a"), ("YWI=", "ab"), ("YWJj", "abc"), ("_-8", "\u{ff}\u{ef}")] {
            let decoded: Vec<u8> = decoded.chars().map(|byte| u8::try_from(byte).unwrap()).collect();
            assert_eq!(*Token::from(short).decode().unwrap(), decoded, "{short}");
        }
        for wrong in ["", "s3cr3t token", &"A".repeat(1400)] {
            assert!(Token::from(wrong).decode().is_none(), "{wrong}");
        }
    }
}
