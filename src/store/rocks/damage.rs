//! Which backups of a folder are damaged, as far as it shows without reading all that they consist of.
//!
//! The engine leaves out of its list what it cannot read, without a word: whoever asks for the latest backup would be given
//! an earlier one. So the numbers in `meta` are compared with that list, and each file that one of them names has to be
//! there; a shared one with the length that its own name says. Other bytes only show when a backup is copied out.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::{
    Vault, backup,
    lineage::{META, PRIVATE, SHARED, names},
};
use crate::store::{DamagedBackup, Error};

/// More bytes than a list of files has: a line of a hundred or so for each file.
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl Vault {
    /// All backups that are there and cannot be put back, oldest first.
    ///
    /// # Errors
    /// [`Error::Backup`] when the system refuses.
    pub fn damaged(&self) -> Result<Vec<DamagedBackup>, Error> {
        let whole: BTreeSet<u32> = self.backups().iter().map(|backup| backup.id).collect();
        let meta = self.path().join(META);
        let found: BTreeSet<u32> =
            names(&meta).map_err(backup::io(&meta))?.iter().filter_map(|name| number(name)).collect();
        let damaged = found.difference(&whole).map(|&id| {
            let why = fault(self.path(), id).unwrap_or_else(|| format!("its list of files, {META}/{id}, is not whole"));
            DamagedBackup { id, why }
        });
        Ok(damaged.collect())
    }
}

/// What is wrong with the files of a backup, if it shows.
pub(super) fn fault(folder: &Path, id: u32) -> Option<String> {
    let mut list = String::new();
    let path = folder.join(META).join(id.to_string());
    let read = File::open(path).and_then(|file| file.take(LIST_BYTES_MAX).read_to_string(&mut list));
    if let Err(error) = read {
        return Some(format!("its list of files, {META}/{id}, cannot be read ({error})"));
    }
    let mut names = list.lines().filter_map(|line| line.split(' ').next()).filter(|name| is_file_of_a_backup(name));
    names.find_map(|name| fault_of_file(folder, name))
}

/// As the engine reads them.
fn number(name: &str) -> Option<u32> {
    name.parse().ok().filter(|number: &u32| *number > 0 && number.to_string() == name)
}

/// Other lines are numbers, or damaged; these are said to operators.
fn is_file_of_a_backup(name: &str) -> bool {
    let is_inside = name.split_once('/').is_some_and(|(folder, _)| [SHARED, PRIVATE].contains(&folder));
    is_inside && !name.contains("..") && name.bytes().all(|byte| byte.is_ascii_graphic())
}

fn fault_of_file(folder: &Path, name: &str) -> Option<String> {
    let found = match fs::metadata(folder.join(name)) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(format!("the file {name} is missing")),
        Err(error) => return Some(format!("the file {name} cannot be read ({error})")),
    };
    let written = length(name).filter(|written| *written != found)?;
    Some(format!("the file {name} has {found} bytes, and not the {written} that were written"))
}

/// Shared files have their length in their names, as in `000012_s…_34567.sst`.
fn length(name: &str) -> Option<u64> {
    let (stem, _end) = name.strip_prefix(SHARED)?.rsplit_once('.')?;
    stem.rsplit_once('_')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_lengths_and_numbers() {
        assert_eq!(length("shared_checksum/000030_sZQ0F3V1M9A7K_4711.sst"), Some(4711));
        assert_eq!(length("shared_checksum/000031_123456_99.blob"), Some(99));
        for without in ["shared_checksum/000030_sZQ0F3V1M9A7K.sst", "shared_checksum/000030", "private/4/1_2.log"] {
            assert_eq!(length(without), None, "{without}");
        }
        assert_eq!(number("12"), Some(12));
        for other in ["0", "012", "+1", ".1.tmp", "1.tmp", "letters", ""] {
            assert_eq!(number(other), None, "{other}");
        }
        assert!(is_file_of_a_backup("private/4/MANIFEST-000005"));
        for other in ["1700000000", "x", "meta/4", "private/../../letters", "shared_checksum/\u{7}.sst", "/private/4"] {
            assert!(!is_file_of_a_backup(other), "{other}");
        }
    }
}
