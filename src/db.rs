//! `restante db`: what is done on a database that no server has open.

use anyhow::bail;
use restante::{config::Config, server};
use restante_process::console::{complain, say};

use crate::cli::DbCommand;

/// Carries a command out; gives the lines to print.
pub(crate) fn run(command: &DbCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        DbCommand::Verify(_) => {
            let inspection = server::verify_database(config, &mut progress)?;
            say(&inspection.to_string())?;
            if !inspection.is_sound() {
                bail!("the database is damaged: restore it from a backup");
            }
            Ok(vec!["the database is sound".to_owned()])
        }
    }
}

/// Says how far looking at rows has come.
pub(crate) fn progress(family: &'static str, rows: u64) {
    complain(&format!("{family}: {rows} rows"));
}
