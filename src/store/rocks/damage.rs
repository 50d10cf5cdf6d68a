//! Which backups of a folder are damaged, as far as it shows without reading all that they consist of.
//!
//! The engine leaves out of its list what it cannot read, without a word: whoever asks for the latest backup would be given
//! an earlier one. So the numbers in `meta` are compared with that list, and each file that one of them names has to be
//! there; a shared one with the length that its own name says. Other bytes only show when a backup is copied out.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use super::{
    Vault, backup,
    lineage::{META, PRIVATE, SHARED, names},
};
use crate::store::{Backups, DamagedBackup, Error};

/// More bytes than a list of files has: a line of a hundred or so for each file.
const LIST_BYTES_MAX: u64 = 256 * 1024 * 1024;

impl Vault {
    /// All backups that are there: a look at each shared file, and at each list.
    ///
    /// # Errors
    /// [`Error::Backup`] when the system refuses.
    pub fn backups(&self) -> Result<Backups, Error> {
        let files = Files::of(self.path())?;
        let meta = self.path().join(META);
        let numbers: BTreeSet<u32> =
            names(&meta).map_err(backup::io(&meta))?.iter().filter_map(|name| number(name)).collect();
        let mut known: HashMap<u32, _> = self.known().into_iter().map(|backup| (backup.id, backup)).collect();
        let mut backups = Backups::default();
        for id in numbers {
            match (files.fault_of(id), known.remove(&id)) {
                (None, Some(backup)) => backups.whole.push(backup),
                (Some(why), _) => backups.damaged.push(DamagedBackup { id, why }),
                (None, None) => {
                    let why = format!("its list of files, {META}/{id}, is not whole");
                    backups.damaged.push(DamagedBackup { id, why });
                }
            }
        }
        Ok(backups)
    }
}

/// The shared file of another length than the one that its name says, if that is what the engine tells: it takes it for the
/// one that is to be copied there, and then ends with an error.
pub(super) fn cut_file(folder: &Path, told: &str) -> Option<String> {
    let files = Files::of(folder).ok()?;
    let named = files.shared.iter().map(|(name, found)| (format!("{SHARED}/{name}"), *found));
    let mut told = named.filter(|(name, _)| told.contains(name));
    told.find_map(|(name, found)| fault_of_length(&name, found))
}

/// The files of a folder of backups.
struct Files<'a> {
    folder: &'a Path,
    /// Those that backups share, with their lengths: they stand in many lists.
    shared: HashMap<String, u64>,
}

impl<'a> Files<'a> {
    fn of(folder: &'a Path) -> Result<Self, Error> {
        let path = folder.join(SHARED);
        let read = || -> io::Result<_> {
            let mut shared = HashMap::new();
            for entry in fs::read_dir(&path)? {
                let entry = entry?;
                // Names of the engine's making are text. One that goes meanwhile is as good as missing.
                if let (Ok(name), Ok(found)) = (entry.file_name().into_string(), fs::metadata(entry.path())) {
                    shared.insert(name, found.len());
                }
            }
            Ok(shared)
        };
        match read() {
            Ok(shared) => Ok(Self { folder, shared }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self { folder, shared: HashMap::new() }),
            Err(error) => Err(backup::io(&path)(error)),
        }
    }

    /// What is wrong with a backup, if it shows.
    fn fault_of(&self, id: u32) -> Option<String> {
        let mut list = String::new();
        let path = self.folder.join(META).join(id.to_string());
        let read = File::open(path).and_then(|file| file.take(LIST_BYTES_MAX).read_to_string(&mut list));
        if let Err(error) = read {
            return Some(format!("its list of files, {META}/{id}, cannot be read ({error})"));
        }
        let mut names = list.lines().filter_map(|line| line.split(' ').next()).filter(|name| is_file_of_a_backup(name));
        names.find_map(|name| self.fault_of_file(name))
    }

    fn fault_of_file(&self, name: &str) -> Option<String> {
        let found = match name.strip_prefix(SHARED).map(|name| self.shared.get(name.trim_start_matches('/'))) {
            Some(found) => found.copied().ok_or_else(|| io::ErrorKind::NotFound.into()),
            None => fs::metadata(self.folder.join(name)).map(|found| found.len()),
        };
        match found {
            Ok(found) => fault_of_length(name, found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(format!("the file {name} is missing")),
            Err(error) => Some(format!("the file {name} cannot be read ({error})")),
        }
    }
}

fn fault_of_length(name: &str, found: u64) -> Option<String> {
    let written = length(name).filter(|written| *written != found)?;
    Some(format!("the file {name} has {found} bytes, and not the {written} that were written"))
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
