//! `restante key-packages`: what the operator does with users' KeyPackages, through the local listener of the running
//! server.

use std::time::Duration;

use anyhow::anyhow;
use restante::{
    client::http::{CallError, ChannelError, Limits},
    config::Config,
};
use restante_process::console::confirm;

use crate::{
    cli::KeyPackagesCommand,
    local_service::{OPERATOR, explain, service_within},
};

/// As `--help` says. The server goes on after that.
const WAIT_MAX: Duration = Duration::from_secs(10 * 60);

const QUESTION: &str = "The KeyPackages of all users are deleted, and there is no way back: until their devices have \
                        uploaded new ones, users cannot be added to groups. Delete them?";

/// Carries a command out; gives the lines to print.
pub(crate) async fn run(command: &KeyPackagesCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        // There is nothing else to delete here: the flag is there to be written.
        KeyPackagesCommand::Delete(delete) => {
            if !delete.yes {
                confirm(QUESTION)?;
            }
            let limits = Limits { request: WAIT_MAX, ..Limits::default() };
            let deleting = service_within(config, OPERATOR, limits)?.delete_all_key_packages().await;
            deleting.map_err(|error| match error {
                CallError::Channel(ChannelError::Timeout) => {
                    anyhow!("the server has not said that it is done; it goes on: run this again to wait on")
                }
                error => explain(error.into()),
            })?;
        }
    }
    Ok(vec!["deleted".to_owned()])
}
