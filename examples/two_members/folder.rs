//! Files that are there whole or not at all, whenever the process dies.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

/// A folder of small files, each named by what it is and by an id. Its owner alone should be able to look into it: what
/// is kept here opens groups. A real app seals it as well.
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        Ok(Self(path.to_owned()))
    }

    /// Durable when it returns: written beside, synced, and put in the place of the old one.
    pub(crate) fn put(&self, what: &str, id: &[u8], bytes: &[u8]) -> io::Result<()> {
        let path = self.path(what, id);
        let beside = path.with_extension("new");
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        self.sync()
    }

    pub(crate) fn get(&self, what: &str, id: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        match fs::read(self.path(what, id)) {
            Ok(bytes) => Ok(Some(Zeroizing::new(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Does nothing if it is not there.
    pub(crate) fn remove(&self, what: &str, id: &[u8]) -> io::Result<()> {
        match fs::remove_file(self.path(what, id)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => self.sync(),
        }
    }

    /// The ids of all files of one sort.
    pub(crate) fn ids(&self, what: &str) -> io::Result<Vec<Vec<u8>>> {
        let mut ids = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let name = entry?.file_name();
            let id = name.to_str().and_then(|name| name.strip_prefix(what)?.strip_prefix('-'));
            ids.extend(id.and_then(|id| hex::decode(id).ok()));
        }
        Ok(ids)
    }

    fn path(&self, what: &str, id: &[u8]) -> PathBuf {
        self.0.join(format!("{what}-{}", hex::encode(id)))
    }

    /// A new name is durable when its folder is.
    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}
