//! The file of users' tokens, as the command line changes it: `tokens mint|list|revoke`.
//!
//! # Correctness
//! Two commands at once do not lose each other's lines: each holds the lock of the file's folder. There is no file of its
//! own for that, which would belong to whoever came first and keep others out. A file is replaced whole, so that a relay
//! that reads it meanwhile finds the old one or the new one. The new one has owner and mode of the one before, and the
//! first one belongs to whom its folder belongs to: whoever could read it still can, also if root changed it. A link is
//! refused: a new file in its place would leave the one that the relay may read as it was, revoked users included.
//! Following it would have root write where the owner of the folder says.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use restante_files::{LockError, folder_of, replace};

use crate::user_tokens::{TokenHash, TokensError, UserToken, hashes, read_text};

/// Why the file was not changed.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// It cannot be read or written.
    #[error("{0}: {1}")]
    Io(PathBuf, io::Error),
    /// It is a link, and what it leads to would stay as it is.
    #[error("{0} is a link, and was not changed: name the file that it leads to")]
    Link(PathBuf),
    /// It holds something else than tokens.
    #[error("{0}: {1}")]
    Tokens(PathBuf, TokensError),
    /// Another process did not give the folder free in time.
    #[error("{0} has been held by another process for seconds: see which, and try again")]
    Locked(PathBuf),
    /// There is no such token.
    #[error("{0} has no token with this id; `restante-relay tokens list` shows those that it has")]
    Unknown(PathBuf),
}

/// Adds a token. The file is made if it does not exist.
///
/// # Errors
/// The file is as it was.
pub fn add(file: &Path, token: &UserToken) -> Result<(), TokenFileError> {
    change(file, |text| {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{}\n", token.hash()));
        Ok(())
    })
}

/// Takes a token out. A relay that is running lets its user in until it is told to reload.
///
/// # Errors
/// The file is as it was.
pub fn remove(file: &Path, hash: TokenHash) -> Result<(), TokenFileError> {
    change(file, |text| {
        let wanted = hash.to_string();
        let kept: String = text.split_inclusive('\n').filter(|line| line.trim() != wanted).collect();
        if kept.len() == text.len() {
            return Err(TokenFileError::Unknown(file.to_owned()));
        }
        *text = kept;
        Ok(())
    })
}

/// The ids of all tokens, in the file's order.
///
/// # Errors
/// It cannot be read, or holds something else.
pub fn list(file: &Path) -> Result<Vec<TokenHash>, TokenFileError> {
    let text = read_text(file).map_err(|error| TokenFileError::Io(file.to_owned(), error))?;
    hashes(&text).collect::<Result<_, _>>().map_err(|error| TokenFileError::Tokens(file.to_owned(), error))
}

fn change(file: &Path, edit: impl FnOnce(&mut String) -> Result<(), TokenFileError>) -> Result<(), TokenFileError> {
    let refused = |error| TokenFileError::Io(file.to_owned(), error);
    let _lock = lock(folder_of(file))?;
    if fs::symlink_metadata(file).is_ok_and(|metadata| metadata.is_symlink()) {
        return Err(TokenFileError::Link(file.to_owned()));
    }
    let mut text = match read_text(file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        read => read.map_err(refused)?,
    };
    if let Some(Err(error)) = hashes(&text).find(Result::is_err) {
        return Err(TokenFileError::Tokens(file.to_owned(), error));
    }
    edit(&mut text)?;
    replace(file, text.as_bytes(), 0o600).map_err(refused)
}

/// Held by one command at a time, until it is dropped.
fn lock(folder: &Path) -> Result<File, TokenFileError> {
    let failed = |error| TokenFileError::Io(folder.to_owned(), error);
    restante_files::lock(File::open(folder).map_err(failed)?).map_err(|error| match error {
        LockError::Held => TokenFileError::Locked(folder.to_owned()),
        LockError::Io(error) => failed(error),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use zeroize::Zeroizing;

    use super::*;

    fn token(seed: u8) -> UserToken {
        UserToken::of_random(Zeroizing::new([seed; 32]))
    }

    #[test]
    fn tokens_come_and_go_and_comments_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        add(&file, &token(1)).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, format!("# mine\n{}", token(1).hash())).unwrap();
        add(&file, &token(2)).unwrap();
        assert_eq!(list(&file).unwrap(), [token(1).hash(), token(2).hash()]);
        remove(&file, token(1).hash()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), format!("# mine\n{}\n", token(2).hash()));
        assert!(matches!(remove(&file, token(1).hash()), Err(TokenFileError::Unknown(_))));
        assert!(!fs::read_to_string(&file).unwrap().contains(token(2).reveal()));
    }

    #[test]
    fn owner_and_mode_stay() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        add(&file, &token(1)).unwrap();
        // Only root can give a file away; whoever else runs this sees the mode stay.
        let is_root = fs::metadata(&file).unwrap().uid() == 0;
        if is_root {
            // In some containers not even root can.
            drop(std::os::unix::fs::chown(&file, Some(4711), Some(4712)));
        }
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        let told = || {
            let metadata = fs::metadata(&file).unwrap();
            (metadata.uid(), metadata.gid(), metadata.mode())
        };
        let before = told();
        add(&file, &token(2)).unwrap();
        assert_eq!(told(), before);
        remove(&file, token(1).hash()).unwrap();
        assert_eq!(told(), before);
    }

    /// As when root mints the first token for a service that runs as somebody else.
    #[test]
    fn what_root_makes_belongs_to_whom_the_folder_belongs_to() {
        let folder = tempfile::tempdir().unwrap();
        let before = fs::metadata(folder.path()).unwrap();
        // Not even root can give it away in some containers.
        let is_given = before.uid() == 0 && std::os::unix::fs::chown(folder.path(), Some(4711), Some(4712)).is_ok();
        let wanted = if is_given { (4711, 4712) } else { (before.uid(), before.gid()) };
        let file = folder.path().join("tokens");
        add(&file, &token(1)).unwrap();
        add(&file, &token(2)).unwrap();
        // Nothing but the file is left behind, and so nothing that would keep the service's user from the next change.
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
        assert_eq!(left, std::slice::from_ref(&file));
        let metadata = fs::metadata(&file).unwrap();
        assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o777), (wanted.0, wanted.1, 0o600));
    }

    /// Whoever owns the folder could otherwise have root write, and give away, a file of somebody else.
    #[test]
    fn a_link_in_the_place_of_the_new_file_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, precious) = (folder.path().join("tokens"), folder.path().join("precious"));
        fs::write(&precious, "precious\n").unwrap();
        std::os::unix::fs::symlink(&precious, folder.path().join("tokens.new")).unwrap();
        add(&file, &token(1)).unwrap();
        assert_eq!(fs::read_to_string(&precious).unwrap(), "precious\n");
        assert!(!fs::symlink_metadata(&file).unwrap().is_symlink());
    }

    /// A relay that is told of the file behind the link would let in whom the command says to have revoked.
    #[test]
    fn a_link_in_the_place_of_the_file_is_refused_and_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link, nowhere) =
            (folder.path().join("tokens"), folder.path().join("link"), folder.path().join("nowhere"));
        add(&file, &token(1)).unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        std::os::unix::fs::symlink(folder.path().join("none"), &nowhere).unwrap();
        assert!(matches!(add(&link, &token(2)), Err(TokenFileError::Link(_))));
        assert!(matches!(remove(&link, token(1).hash()), Err(TokenFileError::Link(_))));
        assert!(matches!(add(&nowhere, &token(2)), Err(TokenFileError::Link(_))));
        for link in [&link, &nowhere] {
            assert!(fs::symlink_metadata(link).unwrap().is_symlink());
        }
        assert!(!folder.path().join("none").exists());
        // What it leads to is as it was, and can be read either way.
        assert_eq!(list(&link).unwrap(), [token(1).hash()]);
        remove(&file, token(1).hash()).unwrap();
        assert!(list(&link).unwrap().is_empty());
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        fs::write(&file, "precious\n").unwrap();
        assert!(matches!(add(&file, &token(1)), Err(TokenFileError::Tokens(_, TokensError::Line(1)))));
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious\n");
        assert!(list(&folder.path().join("none")).is_err());
    }

    #[test]
    fn many_commands_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tokens");
        std::thread::scope(|scope| {
            for seed in 0..16 {
                let file = &file;
                scope.spawn(move || add(file, &token(seed)).unwrap());
            }
        });
        assert_eq!(list(&file).unwrap().len(), 16);
    }
}
