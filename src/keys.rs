//! `restante keys`: the gateway's keys for people.

use anyhow::{Context, anyhow, bail};
use restante::{
    config::Config,
    server::{keyring_table, open_keyring},
};
use restante_gateway::{BEFORE_RETIRING, Keyring, Machine, Surroundings, after_a_change};
use restante_process::console::{complain, confirm};

use crate::cli::KeysCommand;

/// The setting by which X-Wing keys are offered.
const X_WING: &str = "public.x_wing";

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
    if let KeysCommand::Retire(retire) = command
        && !retire.yes
    {
        confirm(BEFORE_RETIRING)?;
    }
    let keyring = open_keyring(public)?;
    match command {
        // Answered above.
        KeysCommand::List(_) => {}
        KeysCommand::Rotate(rotate) => {
            keyring.rotate(rotate.kem, &Machine).map_err(|error| anyhow!(error.told(X_WING)))?
        }
        KeysCommand::Retire(retire) => keyring.retire(retire.key_id, &Machine)?,
    }
    complain(&after_a_change(public.gateway_policy().list_max_age));
    Ok(keyring.table(Machine.now_ms())?)
}
