//! What stands where a database should be, before the engine looks there: it makes folders and files wherever it is sent,
//! and takes for its own what is called like its own.

use std::{fs, io, path::Path};

use restante_files::open_to_others;

use crate::store::Error;

/// The file without which there is no database.
const CURRENT: &str = "CURRENT";

/// Said to whoever wants one made, and true for who only looks.
const NEW: &str = "a new database gets an empty folder, or one that is not there yet";

/// What stands there.
enum Contents {
    /// A database; whose, its rows say.
    Database,
    /// Nothing, or what is left of a first start that was cut off.
    Nothing,
    /// One of them by its name.
    OtherThings(String),
}

/// Refuses a place at which there is something, and no database: nothing is made beside it.
///
/// # Errors
/// [`Error::NoDatabase`]: that; [`Error::Io`]: the system refuses.
pub(super) fn require_room(path: &Path) -> Result<(), Error> {
    match look(path)? {
        Contents::Database | Contents::Nothing => Ok(()),
        Contents::OtherThings(name) => Err(other_things(path, &name)),
    }
}

/// Refuses a place without a database: who only looks makes none.
///
/// # Errors
/// The same.
pub(super) fn require_database(path: &Path) -> Result<(), Error> {
    match look(path)? {
        Contents::Database => Ok(()),
        Contents::Nothing => Err(Error::NoDatabase(format!(
            "there is no database at {}: see what store.path names, and whether its disk is there",
            path.display()
        ))),
        Contents::OtherThings(name) => Err(other_things(path, &name)),
    }
}

/// Warns of a folder that others may enter: the engine gives its files the bits of the umask, and they hold messages and the
/// database's secrets. What was copied or put back by hand has often such a folder; it is served with all the same.
pub(super) fn warn_of_others(path: &Path) {
    if let Ok(Some(_)) = open_to_others(path) {
        tracing::warn!(
            "others may enter the folder of the database, and it holds secrets: give it the mode 700 (store.path)"
        );
    }
}

/// Somebody else's database, by the same engine.
pub(super) fn of_another_program(path: &Path) -> Error {
    Error::NoDatabase(format!(
        "the database at {} is another program's: see what store.path names; {NEW}",
        path.display()
    ))
}

fn other_things(path: &Path, name: &str) -> Error {
    let path = path.display();
    if is_engines(name) {
        return Error::NoDatabase(format!(
            "the database at {path} is not whole: `{name}` is there, and the file {CURRENT} is not; keep the folder as \
             it is, and go on from a copy or a backup"
        ));
    }
    Error::NoDatabase(format!(
        "there is no database at {path}, but other things, `{name}` among them: see what store.path names, and whether \
         its disk is there; {NEW}"
    ))
}

fn look(path: &Path) -> Result<Contents, Error> {
    let refused = |error: io::Error| Error::Io(format!("{}: {error}", path.display()));
    let entries = match fs::read_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::Nothing),
        entries => entries.map_err(refused)?,
    };
    // By its name, not by the list: its replacement by another file may be missed there.
    if fs::exists(path.join(CURRENT)).map_err(refused)? {
        return Ok(Contents::Database);
    }
    let mut others = Vec::new();
    for entry in entries {
        let name = entry.map_err(refused)?.file_name().to_string_lossy().into_owned();
        if !is_left_by_a_first_start(&name) {
            others.push(name);
        }
    }
    // What is the engine's says most.
    let first = others.into_iter().min_by_key(|name| (!is_engines(name), name.clone()));
    Ok(first.map_or(Contents::Nothing, Contents::OtherThings))
}

/// What the engine writes before the database is one, and what a disk has from the beginning.
fn is_left_by_a_first_start(name: &str) -> bool {
    let known = ["IDENTITY", "LOCK", "LOG", "MANIFEST-000001", "lost+found"];
    known.contains(&name) || name.starts_with("LOG.old.") || has_end(name, "dbtmp")
}

/// What is a part of a database, by its name.
fn is_engines(name: &str) -> bool {
    name.starts_with("MANIFEST-") || ["blob", "log", "sst"].iter().any(|end| has_end(name, end))
}

/// As in `000012.sst`.
fn has_end(name: &str, end: &str) -> bool {
    name.split_once('.').is_some_and(|(number, found)| found == end && number.parse::<u64>().is_ok())
}
