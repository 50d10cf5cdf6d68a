//! Where the demo's files are.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{Error, narrator::Narrator};

/// A temporary folder, or one to keep.
pub(super) enum Folder {
    Temporary(TempDir),
    Kept(PathBuf),
}

impl Folder {
    /// # Errors
    /// [`Error::NotEmpty`], [`Error::Folder`]
    pub(super) fn open(keep: Option<PathBuf>) -> Result<Self, Error> {
        match keep {
            None => {
                let made = tempfile::Builder::new().prefix("restante-demo-").tempdir();
                made.map(Self::Temporary).map_err(|error| Error::Folder(std::env::temp_dir(), error))
            }
            Some(path) => {
                let is_empty = || -> io::Result<bool> {
                    fs::create_dir_all(&path)?;
                    Ok(fs::read_dir(&path)?.next().is_none())
                };
                match is_empty() {
                    Ok(true) => Ok(Self::Kept(path)),
                    Ok(false) => Err(Error::NotEmpty(path)),
                    Err(error) => Err(Error::Folder(path, error)),
                }
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Kept(path) => path,
        }
    }

    /// Removes what is not to be kept, and says where the rest is.
    pub(super) fn close(self, narrator: &mut Narrator) {
        match self {
            Self::Temporary(folder) => {
                let path = folder.path().to_owned();
                if let Err(error) = folder.close() {
                    narrator.tell(format!("{} could not be removed: {error}", path.display()));
                }
            }
            Self::Kept(path) => {
                narrator.tell("");
                narrator.tell(format!(
                    "Kept: configurations, certificates, databases and logs in {}. To serve again: restante serve \
                     --config {}/hub.example/restante.toml",
                    path.display(),
                    path.display()
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let outer = TempDir::new().unwrap();
        let fresh = outer.path().join("a/b");
        assert!(matches!(Folder::open(Some(fresh.clone())), Ok(Folder::Kept(path)) if path == fresh));
        let refused = Folder::open(Some(outer.path().to_owned()));
        assert!(matches!(refused, Err(Error::NotEmpty(path)) if path == outer.path()));
        let file = fresh.join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(Folder::open(Some(file)), Err(Error::Folder(..))));
    }
}
