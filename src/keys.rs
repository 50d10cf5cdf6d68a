//! `restante keys`: the gateway's keys for people.

use anyhow::{Context, bail};
use restante::{
    config::Config,
    server::{keyring_table, open_keyring},
};
use restante_gateway::{Keyring, Machine, Surroundings};

use crate::cli::KeysCommand;

/// Carries a command out; gives the lines to print.
pub(crate) fn run(command: &KeysCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let public =
        config.public.as_ref().context("there is no table [public] in the configuration, and so no gateway")?;
    if !Keyring::exists(&public.keys_path) {
        bail!("{}: there are no keys yet; `restante serve` makes them", public.keys_path.display());
    }
    if matches!(command, KeysCommand::List(_)) {
        return Ok(keyring_table(public)?);
    }
    let keyring = open_keyring(public)?;
    match command {
        KeysCommand::List(_) => {}
        KeysCommand::Rotate(rotate) => keyring.rotate(rotate.kem, &Machine)?,
        KeysCommand::Retire(retire) => keyring.retire(retire.key_id, &Machine)?,
    }
    Ok(keyring.table(Machine.now_ms())?)
}
