//! `restante key-packages`: what the operator does with users' KeyPackages, through the local listener of the running
//! server.

use restante::config::Config;

use crate::{
    cli::KeyPackagesCommand,
    local_service::{OPERATOR, service},
};

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &KeyPackagesCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        // There is nothing else to delete here: the flag is there to be written.
        KeyPackagesCommand::Delete(_) => service(config, OPERATOR)?.delete_all_key_packages().await?,
    }
    Ok(vec!["deleted".to_owned()])
}
