//! `restante keys`: the gateway's keys for people.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};
use restante::{config::Config, server::open_keyring};
use restante_gateway::{Kem, Keyring, Machine, Surroundings};

use crate::cli::{KemName, KeysCommand};

/// Carries a command out; gives the lines to print.
pub(crate) fn run(command: &KeysCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let public =
        config.public.as_ref().context("there is no table [public] in the configuration, and so no gateway")?;
    if !Keyring::exists(&public.keys_path) {
        bail!("{}: there are no keys yet; `restante serve` makes them", public.keys_path.display());
    }
    let keyring = open_keyring(public)?;
    match command {
        KeysCommand::List(_) => {}
        KeysCommand::Rotate(rotate) => keyring.rotate(kem(rotate.kem), &Machine)?,
        KeysCommand::Retire(retire) => keyring.retire(retire.key_id, &Machine)?,
    }
    describe(&keyring)
}

fn kem(name: KemName) -> Kem {
    match name {
        KemName::X25519 => Kem::X25519,
        KemName::XWing => Kem::XWing,
    }
}

fn describe(keyring: &Keyring) -> anyhow::Result<Vec<String>> {
    let mut lines = vec![format!(
        "{:>3}  {:<7} {:<10} {:<30} {:<30} refused from",
        "id", "kem", "state", "in use from", "listed until"
    )];
    for key in keyring.describe(Machine.now_ms())? {
        let settled = |time_ms: Option<u64>| time_ms.map_or_else(|| "-".to_owned(), date);
        let (kem, state) = (key.kem.name(), key.state.name());
        let (until, refused) = (settled(key.until_ms), settled(key.accepted_until_ms));
        lines.push(format!("{:>3}  {kem:<7} {state:<10} {:<30} {until:<30} {refused}", key.key_id, date(key.use_ms)));
    }
    lines.push(format!("list sha256 {}", hex::encode(keyring.live().list_sha256())));
    Ok(lines)
}

fn date(time_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(time_ms))
}
