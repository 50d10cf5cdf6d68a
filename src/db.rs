//! `restante db`: what is done on a database that no server has open.

use anyhow::bail;
use restante::{config::Config, server, store::Inspection};
use restante_process::console::{complain, say};

use crate::cli::DbCommand;

/// Carries a command out; gives the lines to print.
pub(crate) fn run(command: &DbCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        DbCommand::Verify(_) => {
            let inspection = server::verify_database(config, &mut progress)?;
            say(&inspection.to_string())?;
            if !inspection.is_sound() {
                bail!("the database is damaged: {}", advice(&inspection));
            }
            Ok(vec!["the database is sound".to_owned()])
        }
    }
}

/// What to do next (specs/operations.md, "A database that is in doubt").
fn advice(inspection: &Inspection) -> &'static str {
    if inspection.is_readable() {
        "keep a copy of its folder, start no server with it, and go on from a backup: `restante backup verify`, then \
         `restante backup restore`"
    } else {
        "the disk may fail, so copy its folder to another one before anything else, and look at that copy with \
         `--set store.path=COPY`; if it is damaged too, go on from a backup: `restante backup verify`, then \
         `restante backup restore`"
    }
}

/// Says how far looking at rows has come.
pub(crate) fn progress(family: &'static str, rows: u64) {
    complain(&format!("{family}: {rows} rows so far"));
}
