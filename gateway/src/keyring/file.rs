//! The keyring's file: sealed, for its owner alone, replaced as a whole.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use restante_files::{LockError, make_folder, open_private, open_regular, replace};
use zeroize::Zeroizing;

use super::{KeyringError, SealKey, codec, ring::Ring};
use crate::machine::Surroundings;

/// What the file begins with: its kind and the version of its format. Sealed along with the rest.
const HEADER: &[u8; 16] = b"restante keys 1\n";

const NAME: &str = "keyring";
const LOCK: &str = "keyring.lock";
const SERVING: &str = "serving.lock";

/// No keyring is larger.
const BYTES_MAX: u64 = 64 * 1024;

pub(super) struct KeyringFile {
    path: PathBuf,
    lock_path: PathBuf,
    serving_path: PathBuf,
    seal_key: SealKey,
}

impl KeyringFile {
    pub(super) fn exists(folder: &Path) -> bool {
        fs::exists(folder.join(NAME)).unwrap_or(true)
    }

    /// Makes folder and seal key if this is the first time.
    pub(super) fn open(
        folder: &Path,
        seal_key_file: &Path,
        surroundings: &dyn Surroundings,
    ) -> Result<Self, KeyringError> {
        make_folder(folder, 0o700).map_err(failed(folder))?;
        // Two processes that start for the first time make one seal key.
        let lock = lock(&folder.join(LOCK))?;
        let seal_key = match SealKey::load(seal_key_file)? {
            Some(seal_key) => seal_key,
            None if Self::exists(folder) => {
                return Err(KeyringError::NoSealKey { path: seal_key_file.to_owned() });
            }
            None => SealKey::create(seal_key_file, surroundings)?,
        };
        drop(lock);
        Ok(Self::new(folder, seal_key))
    }

    /// Makes nothing.
    pub(super) fn find(folder: &Path, seal_key_file: &Path) -> Result<Self, KeyringError> {
        let path = folder.join(NAME);
        if !fs::exists(&path).map_err(failed(&path))? {
            return Err(failed(&path)(io::ErrorKind::NotFound.into()));
        }
        let seal_key = SealKey::load(seal_key_file)?;
        Ok(Self::new(folder, seal_key.ok_or_else(|| KeyringError::NoSealKey { path: seal_key_file.to_owned() })?))
    }

    fn new(folder: &Path, seal_key: SealKey) -> Self {
        let [path, lock_path, serving_path] = [NAME, LOCK, SERVING].map(|name| folder.join(name));
        Self { path, lock_path, serving_path, seal_key }
    }

    /// What the file says. It is replaced as a whole, so this is what it said at some moment, with or without the lock.
    /// `None` when there is no file yet.
    pub(super) fn read(&self) -> Result<Option<Ring>, KeyringError> {
        let Some(bytes) = read_private(&self.path)? else { return Ok(None) };
        let ring = bytes
            .strip_prefix(HEADER)
            .and_then(|sealed| self.seal_key.open(HEADER, sealed))
            .and_then(|plain| codec::decode(&plain));
        ring.map(Some).ok_or_else(|| KeyringError::NotReadable { path: self.path.clone() })
    }

    /// Keeps other processes from serving with these keys until it is dropped.
    pub(super) fn serve(&self) -> Result<Serving, KeyringError> {
        let path = &self.serving_path;
        let lock = open_private(path).map_err(failed(path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Serving { _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(KeyringError::Served { path: path.clone() }),
            Err(TryLockError::Error(error)) => Err(failed(path)(error)),
        }
    }

    /// Keeps other processes from reading and writing until it is dropped.
    pub(super) fn lock(&self) -> Result<Locked<'_>, KeyringError> {
        Ok(Locked { file: self, _lock: lock(&self.lock_path)? })
    }
}

/// This process is the one that serves.
pub(super) struct Serving {
    _lock: File,
}

pub(super) struct Locked<'file> {
    file: &'file KeyringFile,
    _lock: File,
}

impl Locked<'_> {
    /// `None` when there is no file yet.
    pub(super) fn read(&self) -> Result<Option<Ring>, KeyringError> {
        self.file.read()
    }

    /// Returns when it is on the disk.
    pub(super) fn write(&self, ring: &Ring, surroundings: &dyn Surroundings) -> Result<(), KeyringError> {
        let sealed = self.file.seal_key.seal(HEADER, &codec::encode(ring), surroundings)?;
        write_private(&self.file.path, &[HEADER.as_slice(), &sealed].concat())
    }
}

fn lock(path: &Path) -> Result<File, KeyringError> {
    let file = open_private(path).map_err(failed(path))?;
    restante_files::lock(file).map_err(|error| match error {
        LockError::Held => KeyringError::Locked { path: path.to_owned() },
        LockError::Io(error) => failed(path)(error),
    })
}

fn failed(path: &Path) -> impl Fn(io::Error) -> KeyringError {
    move |error| KeyringError::Io { path: path.to_owned(), error }
}

/// Reads a file that is for its owner alone. `None` when there is none.
pub(super) fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    let file = match open_regular(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(path)(error)),
    };
    refuse_open_mode(path, &file)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    let read = file.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed(path))?;
    if read as u64 > BYTES_MAX {
        return Err(KeyringError::NotReadable { path: path.to_owned() });
    }
    Ok(Some(bytes))
}

#[cfg(unix)]
fn refuse_open_mode(path: &Path, file: &File) -> Result<(), KeyringError> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = file.metadata().map_err(failed(path))?.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 { Ok(()) } else { Err(KeyringError::TooOpen { path: path.to_owned(), mode }) }
}

#[cfg(not(unix))]
fn refuse_open_mode(_path: &Path, _file: &File) -> Result<(), KeyringError> {
    Ok(())
}

/// Puts a whole file in the place of `path`, or none of it. One that is new is for its owner alone.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    replace(path, bytes, 0o600).map_err(failed(path))
}
