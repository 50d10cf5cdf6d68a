//! The `keys` commands: each does one thing to the keyring and says what there is then.

use anyhow::{anyhow, bail};
use restante_gateway::{BEFORE_RETIRING, Keyring, Machine, Surroundings as _, after_a_change};
use restante_process::console::{complain, confirm};

use crate::{
    cli::KeysCommand,
    config::{Config, Keys},
    marks,
};

/// The setting by which X-Wing keys are offered.
const X_WING: &str = "keys.x_wing";

/// Runs a command; gives the lines to print.
pub(crate) fn run(command: &KeysCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    let keys = &config.keys;
    let exists = Keyring::exists(&keys.path);
    match command {
        KeysCommand::Init(_) if exists => {
            bail!("{}: there is a keyring already; `restante-gateway keys list` prints its keys", keys.path.display())
        }
        // Keys that are made here have opened nothing yet: there are no marks, and none are missing.
        KeysCommand::Init(_) => drop(marks::restore(&config.replays, 0)?),
        _ if !exists => bail!("{}: there is no keyring; `restante-gateway keys init` makes one", keys.path.display()),
        _ => {}
    }
    if matches!(command, KeysCommand::List(_)) {
        return Ok(Keyring::table_of(&keys.path, &keys.seal_key_file, &keys.schedule, Machine.now_ms())?);
    }
    if let KeysCommand::Retire(retire) = command
        && !retire.yes
    {
        confirm(BEFORE_RETIRING)?;
    }
    let keyring = open(keys)?;
    match command {
        KeysCommand::Init(_) | KeysCommand::List(_) => {}
        KeysCommand::Rotate(rotate) => {
            keyring.rotate(rotate.kem, &Machine).map_err(|error| anyhow!(error.told(X_WING)))?
        }
        KeysCommand::Retire(retire) => keyring.retire(retire.key_id, &Machine)?,
    }
    if matches!(command, KeysCommand::Rotate(_) | KeysCommand::Retire(_)) {
        complain(&after_a_change(config.limits.policy().list_max_age));
    }
    Ok(keyring.table(Machine.now_ms())?)
}

/// The keyring of a configuration, made if there is none.
pub(crate) fn open(keys: &Keys) -> Result<Keyring, restante_gateway::KeyringError> {
    Keyring::open(&keys.path, &keys.seal_key_file, keys.schedule, &Machine)
}
