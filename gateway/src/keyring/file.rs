//! The keyring's file: sealed, for its owner alone, replaced as a whole.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use zeroize::Zeroizing;

use super::{KeyringError, SealKey, codec, folder, ring::Ring};
use crate::machine::Surroundings;

/// What the file begins with: its kind and the version of its format. Sealed along with the rest.
const HEADER: &[u8; 16] = b"restante keys 1\n";

const NAME: &str = "keyring";
const LOCK: &str = "keyring.lock";
const SERVING: &str = "serving.lock";

/// Whoever holds the lock writes one small file. Five seconds together are far more than that takes.
const LOCK_INTERVAL: Duration = Duration::from_millis(10);
const LOCK_ATTEMPTS: u32 = 500;

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
        folder::make(folder)?;
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
        let lock = open_lock(path)?;
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

fn open_lock(path: &Path) -> Result<File, KeyringError> {
    match private_options().create_new(true).open(path) {
        Ok(lock) => {
            give_to_owner(path, &lock).map_err(failed(path))?;
            Ok(lock)
        }
        // Never given away: it may be a link that the owner of the folder made.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            private_options().open(path).map_err(failed(path))
        }
        Err(error) => Err(failed(path)(error)),
    }
}

fn lock(path: &Path) -> Result<File, KeyringError> {
    let lock = open_lock(path)?;
    // The system tells nobody when a lock becomes free within a time, so it is asked again and again.
    for _ in 0..LOCK_ATTEMPTS {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_INTERVAL),
            Err(TryLockError::Error(error)) => return Err(failed(path)(error)),
        }
    }
    Err(KeyringError::Locked { path: path.to_owned() })
}

pub(super) fn failed(path: &Path) -> impl Fn(io::Error) -> KeyringError {
    move |error| KeyringError::Io { path: path.to_owned(), error }
}

fn private_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Reads a file that is for its owner alone. `None` when there is none.
pub(super) fn read_private(path: &Path) -> Result<Option<Zeroizing<Vec<u8>>>, KeyringError> {
    let file = match File::open(path) {
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

pub(super) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Gives a file or folder that was just made to whom the file at `path` belongs, or else its folder: what root changes stays
/// readable for the service. Others than root may not give files away, and keep theirs.
#[cfg(unix)]
pub(super) fn give_to_owner(path: &Path, made: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let owner = match fs::symlink_metadata(path) {
        // A lock is in its place already.
        Ok(there) if there.ino() != made.metadata()?.ino() => there,
        _ => fs::metadata(folder_of(path))?,
    };
    if owner.uid() == made.metadata()?.uid() {
        return Ok(());
    }
    match fchown(made, Some(owner.uid()), Some(owner.gid())) {
        Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

#[cfg(not(unix))]
pub(super) fn give_to_owner(_path: &Path, _made: &File) -> io::Result<()> {
    Ok(())
}

/// Puts a whole file in the place of `path`, or none of it: written beside, synced, renamed, the folder synced.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    let beside = path.with_extension("new");
    // One that a crash left may have any mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&beside)(error)),
        _ => {}
    }
    let mut file = private_options().create_new(true).open(&beside).map_err(failed(&beside))?;
    give_to_owner(path, &file)
        .and_then(|()| file.write_all(bytes))
        .and_then(|()| file.sync_all())
        .map_err(failed(&beside))?;
    fs::rename(&beside, path).map_err(failed(path))?;
    let folder = folder_of(path);
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed(folder))
}
