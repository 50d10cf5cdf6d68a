//! `restante db`: what is done on a database that no server has open.

use anyhow::{anyhow, bail};
use restante::{
    config::Config,
    server,
    store::{self, Inspection},
};
use restante_process::console::{complain, say};

use crate::cli::DbCommand;

/// Carries a command out; gives the lines to print.
pub(crate) fn run(command: &DbCommand, config: &Config) -> anyhow::Result<Vec<String>> {
    match command {
        DbCommand::Verify(_) => {
            let inspection = server::verify_database(config, &mut progress).map_err(hint)?;
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
        UNREADABLE
    }
}

/// Said where the engine cannot read.
const UNREADABLE: &str = "the disk may fail, so copy its folder to another one before anything else, and look at that \
                          copy with `--set store.path=COPY`; if it is damaged too, go on from a backup: `restante \
                          backup verify`, then `restante backup restore`";

/// The same where it could not be opened: the engine says what is wrong, and not what to do.
fn hint(error: store::Error) -> anyhow::Error {
    let says = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(word));
    let is_damage = matches!(&error, store::Error::Io(text) if says(text, &DAMAGE) && !says(text, &WANT));
    if is_damage { anyhow!("{error}: {UNREADABLE}") } else { error.into() }
}

/// What the engine says of files that are damaged, missing or unreadable.
const DAMAGE: [&str; 2] = ["Corruption", "IO error"];

/// What the system says when it is not the files: their rights, or room, memory or open files that this process lacks.
const WANT: [&str; 4] = ["Permission denied", "No space left", "Cannot allocate memory", "Too many open files"];

/// Says how far looking at rows has come.
pub(crate) fn progress(family: &'static str, rows: u64) {
    complain(&format!("{family}: {rows} rows so far"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_engine_cannot_read_is_followed_by_what_to_do() {
        let told = |text: &str| hint(store::Error::Io(text.to_owned())).to_string();
        for damage in ["IO error: No such file: data/MANIFEST-000032", "Corruption: CURRENT file corrupted"] {
            let said = told(damage);
            assert!(said.contains(damage) && said.contains("`restante backup verify`"), "{said}");
        }
        for other in [
            "its last write was cut off",
            "IO error: data/CURRENT: Permission denied",
            "IO error: While open a file for random read: data/000012.sst: Too many open files",
        ] {
            assert!(!told(other).contains("restante backup"), "{other}");
        }
    }
}
