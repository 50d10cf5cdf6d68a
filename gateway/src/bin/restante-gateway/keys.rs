//! The `keys` commands: each does one thing to the keyring and says what there is then.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::bail;
use restante_gateway::{Keyring, Machine, Surroundings as _};

use crate::{
    cli::KeysCommand,
    config::{Config, Keys},
    marks,
};

/// Runs a command; gives the lines to print.
pub(crate) fn run(command: &KeysCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let keys = &config.keys;
    let exists = Keyring::exists(&keys.path);
    match command {
        KeysCommand::Init(_) if exists => bail!("{}: there is a keyring already", keys.path.display()),
        // Keys that are made here have opened nothing yet: there are no marks, and none are missing.
        KeysCommand::Init(_) => drop(marks::restore(&config.replays, Machine.now_ms())?),
        _ if !exists => bail!("{}: there is no keyring; `keys init` makes one", keys.path.display()),
        _ => {}
    }
    let keyring = open(keys)?;
    match command {
        KeysCommand::Init(_) | KeysCommand::List(_) => {}
        KeysCommand::Rotate(rotate) => keyring.rotate(rotate.kem.into(), &Machine)?,
        KeysCommand::Retire(retire) => keyring.retire(retire.key_id, &Machine)?,
    }
    describe(&keyring)
}

/// The keyring of a configuration, made if there is none.
pub(crate) fn open(keys: &Keys) -> Result<Keyring, restante_gateway::KeyringError> {
    Keyring::open(&keys.path, &keys.seal_key_file, keys.schedule, &Machine)
}

fn describe(keyring: &Keyring) -> anyhow::Result<Vec<String>> {
    let mut lines = vec![format!(
        "{:>3}  {:<7} {:<10} {:<30} {:<30} refused from",
        "id", "kem", "state", "in use from", "listed until"
    )];
    for key in keyring.describe(Machine.now_ms())? {
        let settled = |time_ms: Option<u64>| time_ms.map_or_else(|| "-".to_owned(), date);
        lines.push(format!(
            "{:>3}  {:<7} {:<10} {:<30} {:<30} {}",
            key.key_id,
            key.kem.name(),
            key.state.name(),
            date(key.use_ms),
            settled(key.until_ms),
            settled(key.accepted_until_ms)
        ));
    }
    lines.push(format!("list sha256 {}", hex::encode(keyring.live().list_sha256())));
    Ok(lines)
}

fn date(time_ms: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(time_ms))
}
