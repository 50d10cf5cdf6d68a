//! The floor: up to when marks were removed or lost. It outlives them, so that no clock that goes back, across a restart
//! or not, brings the requests back that they stood for.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use restante_files::replace;

use super::floor_record::{BYTES, decode, encode};

const NAME: &str = "floor";

/// Reads the floor of a folder. `None`: there is none, or it cannot be believed.
pub(super) fn read(folder: &Path) -> io::Result<Option<u64>> {
    let mut file = match File::open(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::with_capacity(BYTES);
    (&mut file).take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(decode(&bytes))
}

/// Returns when the floor is on the disk. After a crash it is the one before or this one.
pub(super) fn write(folder: &Path, floor_ms: u64) -> io::Result<()> {
    replace(&folder.join(NAME), &encode(floor_ms), 0o600)
}
