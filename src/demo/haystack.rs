//! Looking for something in files.

use std::{
    collections::{BTreeSet, HashMap},
    fs, io,
    path::Path,
};

/// The bytes of all files of a folder.
pub(super) struct Haystack(Vec<Vec<u8>>);

impl Haystack {
    /// How many bytes two needles may share at their beginning before they are compared in full.
    const HEAD: usize = 8;

    /// # Errors
    /// When a file cannot be read.
    pub(super) fn read(folder: &Path) -> io::Result<Self> {
        let mut files = Vec::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                files.extend(Self::read(&path)?.0);
            } else {
                match fs::read(&path) {
                    Ok(bytes) => files.push(bytes),
                    // The database removes files while it runs; their content stands in others then.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(Self(files))
    }

    /// What was kept in memory.
    pub(super) fn of(files: Vec<Vec<u8>>) -> Self {
        Self(files)
    }

    /// How many bytes it has.
    pub(super) fn length(&self) -> usize {
        self.0.iter().map(Vec::len).sum()
    }

    /// How many of the needles are in it, in one pass. Needles are longer than [`Haystack::HEAD`].
    pub(super) fn holds(&self, needles: &[Vec<u8>]) -> usize {
        let mut heads: HashMap<&[u8], Vec<&[u8]>> = HashMap::new();
        for needle in needles {
            heads.entry(&needle[..Self::HEAD.min(needle.len())]).or_default().push(needle);
        }
        let mut found: BTreeSet<&[u8]> = BTreeSet::new();
        for file in &self.0 {
            for (at, window) in file.windows(Self::HEAD).enumerate() {
                let candidates = heads.get(window).into_iter().flatten();
                found.extend(candidates.copied().filter(|needle| file[at..].starts_with(needle)));
            }
        }
        found.len()
    }
}
