//! `restante fetch-key-packages`: the oblivious client for people and scripts.
//!
//! # Privacy
//! Standard output holds what was asked for, and for whom. Errors hold neither ids nor tokens.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use anyhow::{Context, anyhow};
use base64::{Engine, engine::general_purpose::STANDARD};
use clap::{CommandFactory, error::ErrorKind};
use restante::{
    client::{
        http::Limits,
        key_package_ref,
        oblivious::{FetchedKeyPackages, Kems, KeyPackageFetcher, Relay, RelayToken, Surroundings, TrustRoots},
    },
    mls::{CipherSuite, ProtocolVersion, WireKeyPackage},
    service::{Entropy, SystemEntropy},
    wire::{KeyPackageRequest, KeyPackageStatus},
};
use restante_process::{
    Exit, block_on,
    config::{read, read_token, refuse_public},
    console::say,
};
use zeroize::Zeroizing;

use crate::cli::{Arguments, FetchKeyPackages, Token, User};

/// The longest file of tokens that is read: as many as a bundle holds, and white space.
const TOKEN_FILE_MAX: usize = 64 * 1024;

/// Fetches and prints.
pub(crate) fn run(options: &FetchKeyPackages, now: fn() -> SystemTime) -> anyhow::Result<Exit> {
    let requests = requests(options)?;
    let relay = Relay {
        url: options.relay.clone(),
        address: options.relay_address,
        token: relay_token(&options.relay_token_file)?,
        operators: options.relay_operator.clone(),
    };
    let roots = if options.ca.is_empty() { TrustRoots::system() } else { TrustRoots::from_pem(&pem(&options.ca)?) };
    let kems = if options.classical { Kems::Classical } else { Kems::WithHybrid };
    let surroundings = Surroundings { now: Arc::new(now), random: Arc::new(random) };
    let fetcher = KeyPackageFetcher::new(relay, &roots?, kems, surroundings, Limits::default());
    let fetched = block_on(fetcher.fetch(&options.provider, requests)).context("no runtime")??;
    let width = options.user.iter().map(|user| name(user).chars().count()).max().unwrap_or_default();
    for (user, result) in options.user.iter().zip(&fetched) {
        say(&if options.json { json(user, result) } else { line(user, result, width) })?;
    }
    let complete = fetched.iter().all(|result| !result.key_packages.is_empty());
    Ok(if complete { Exit::Done } else { Exit::Failed })
}

/// A request for each user, with the token at the same place.
fn requests(options: &FetchKeyPackages) -> anyhow::Result<Vec<KeyPackageRequest>> {
    let tokens = match &options.token_file {
        Some(file) => tokens(file)?,
        None => options.token.clone(),
    };
    let (users, given) = (options.user.len(), tokens.len());
    if users != given {
        misused(&format!("{users} users need as many tokens, in the same order; {given} were given"));
    }
    if users > restante::wire::KeyPackageRequests::MAX {
        misused("at most 32 users can be asked for at once");
    }
    let requests = options.user.iter().zip(&tokens).enumerate().map(|(place, (user, token))| {
        let Some(token) = token.decode() else {
            misused(&format!("token {} is not base64 of 1 to 1024 bytes", place + 1));
        };
        KeyPackageRequest {
            user_id: user.id.clone(),
            bearer_token: token.to_vec(),
            version: ProtocolVersion::MLS10,
            cipher_suite: CipherSuite(options.suite),
        }
    });
    Ok(requests.collect())
}

/// Ends the process like any other wrong usage, with 2.
fn misused(message: &str) -> ! {
    Arguments::command().error(ErrorKind::ValueValidation, message).exit()
}

/// The lines of a file of tokens.
fn tokens(file: &Path) -> anyhow::Result<Vec<Token>> {
    refuse_public(file).map_err(|sentence| anyhow!(sentence))?;
    let text = Zeroizing::new(read(file).map_err(|sentence| anyhow!(sentence))?);
    let text = str::from_utf8(&text).with_context(|| format!("{} is not text", file.display()))?;
    if text.len() > TOKEN_FILE_MAX {
        return Err(anyhow!("{} is too large for a file of tokens", file.display()));
    }
    Ok(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Token::from).collect())
}

fn relay_token(file: &Path) -> anyhow::Result<RelayToken> {
    let token = read_token(file).map_err(|sentence| anyhow!(sentence))?;
    RelayToken::new(&token).context("the relay token is no word that a header can carry")
}

/// All certificate authorities, one behind the other.
fn pem(files: &[PathBuf]) -> anyhow::Result<Vec<u8>> {
    let mut pem = Vec::new();
    for file in files {
        pem.extend(read(file).map_err(|sentence| anyhow!(sentence))?);
        pem.push(b'\n');
    }
    Ok(pem)
}

/// For pauses. Without the system's generator TLS does not get as far as to need one.
fn random() -> u64 {
    let mut bytes = [0; 8];
    match SystemEntropy.fill(&mut bytes) {
        Ok(()) => u64::from_le_bytes(bytes),
        Err(_) => 0,
    }
}

fn word(status: KeyPackageStatus) -> &'static str {
    match status {
        KeyPackageStatus::Ok => "ok",
        KeyPackageStatus::Denied => "denied",
        KeyPackageStatus::Exhausted => "exhausted",
        KeyPackageStatus::Incompatible => "incompatible",
    }
}

fn json(user: &User, result: &FetchedKeyPackages) -> String {
    let key_packages: Vec<_> = result.key_packages.iter().map(|package| STANDARD.encode(package.bytes())).collect();
    serde_json::json!({
        "user": user.written,
        "status": word(result.status),
        "key_packages": key_packages,
        "invalid": result.invalid,
    })
    .to_string()
}

/// The user as it was written, without what would steer a terminal.
fn name(user: &User) -> String {
    user.written.escape_debug().to_string()
}

fn line(user: &User, result: &FetchedKeyPackages, width: usize) -> String {
    let mut line = format!("{:width$}  {:12}", name(user), word(result.status));
    let references: Vec<_> = result.key_packages.iter().map(reference).collect();
    if !references.is_empty() {
        line += &format!("  {}", references.join(" "));
    }
    if result.invalid > 0 {
        line += &format!("  ({} invalid left out)", result.invalid);
    }
    line.trim_end().to_owned()
}

/// How people name a KeyPackage: the first 16 hex digits of its reference.
fn reference(key_package: &WireKeyPackage) -> String {
    let reference = key_package_ref(key_package).map(|reference| hex::encode(&reference.0));
    reference.and_then(|hex| hex.get(..16).map(ToOwned::to_owned)).unwrap_or_else(|| "?".repeat(16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_for_people_and_objects_for_scripts() {
        let user: User = "bob\u{1b}[2J".parse().unwrap();
        let denied = FetchedKeyPackages { status: KeyPackageStatus::Denied, key_packages: Vec::new(), invalid: 0 };
        assert_eq!(line(&user, &denied, 16), "bob\\u{1b}[2J      denied");
        let read: serde_json::Value = serde_json::from_str(&json(&user, &denied)).unwrap();
        assert_eq!(
            read,
            serde_json::json!({ "user": "bob\u{1b}[2J", "status": "denied", "key_packages": [], "invalid": 0 })
        );
        let spoilt = FetchedKeyPackages { status: KeyPackageStatus::Ok, invalid: 2, ..denied };
        assert_eq!(line(&user, &spoilt, 14), "bob\\u{1b}[2J    ok            (2 invalid left out)");
    }
}
