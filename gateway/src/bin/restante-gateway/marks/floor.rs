//! The floor: up to when marks were removed or lost. It outlives them, so that no clock that goes back, across a restart
//! or not, brings the requests back that they stood for.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use restante_files::replace;

use super::checksum::checksum;

/// What the file begins with: its kind and the version of its format.
const HEADER: &[u8; 16] = b"restante floor1\n";
const NAME: &str = "floor";
/// Header, time, checksum.
const BYTES: usize = 16 + 8 + 4;

/// Reads the floor of a folder. `None`: there is none, or it cannot be believed.
pub(super) fn read(folder: &Path) -> io::Result<Option<u64>> {
    let mut file = match File::open(folder.join(NAME)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::with_capacity(BYTES);
    (&mut file).take(BYTES as u64 + 1).read_to_end(&mut bytes)?;
    let floor = bytes.strip_prefix(HEADER).and_then(|rest| rest.split_first_chunk::<8>());
    Ok(floor.filter(|(time, sum)| *sum == checksum(time.as_slice())).map(|(time, _)| u64::from_be_bytes(*time)))
}

/// Returns when the floor is on the disk. After a crash it is the one before or this one.
pub(super) fn write(folder: &Path, floor_ms: u64) -> io::Result<()> {
    let time = floor_ms.to_be_bytes();
    replace(&folder.join(NAME), &[&HEADER[..], &time, &checksum(&time)].concat(), 0o600)
}
