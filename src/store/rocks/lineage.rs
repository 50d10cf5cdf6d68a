//! Whose backups a folder has: those of one database, which is written down before its first one.
//!
//! Backups of two databases in one folder would be numbered together, and one's removed for the other's. What is written
//! down is the same for a database and for whatever is put back from its backups.
//!
//! # Security
//! It is a hash of a secret of the database, and the provider's name: neither the secret nor anything that is made with it
//! follows.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::{self, Read as _},
    path::Path,
};

use restante_files::replace;
use sha2::{Digest as _, Sha256};

use super::{
    RocksStore, Vault, aside, backup,
    inspect::{CACHE_BYTES, OPEN_FILES},
    passed_over,
};
use crate::{
    store::{Error, Store as _},
    wire::ServiceProviderId,
};

/// The file's name in the folder of backups.
const NAME: &str = "database";

/// Stands before the secret: neither tags of users nor the secrets that follow from it are made like this.
const LABEL: &[u8] = b"mimi-ds folder of backups v1";

/// More bytes than the file has: 64 hex digits, a name of 255 bytes at most, and the ends of their lines.
const BYTES_MAX: u64 = 512;

/// Folders that the engine makes, before there is a backup; [`SHARED`] comes first.
const ENGINES: [&str; 3] = [SHARED, PRIVATE, META];
pub(super) const SHARED: &str = "shared_checksum";
pub(super) const PRIVATE: &str = "private";
pub(super) const META: &str = "meta";

/// What else may be in a folder without backups: what was being written when a process was killed, what looks and restores
/// leave, and what a disk has from the beginning.
const BESIDE: [&str; 6] =
    ["database.new", "lost+found", passed_over::NAME, "passed_over.new", aside::NAME, aside::LOCK];

/// A database with everything that was put back from its backups: what only these have in common.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Lineage([u8; 32]);

/// What the file in a folder says.
enum Said {
    Nothing,
    NothingWhole,
    Of(Owner),
}

/// The database that a folder is for.
struct Owner {
    lineage: Lineage,
    /// Whose it is; older programs did not write that down. It is said to operators, and decides nothing.
    provider: Option<ServiceProviderId>,
}

/// What a folder has in it.
enum Contents {
    /// Backups, and whatever else.
    Backups,
    /// Nothing, or what one who was killed before the first backup has left.
    Nothing,
    /// One of them by its name.
    OtherThings(String),
}

impl Lineage {
    pub(super) fn of(store: &RocksStore) -> Self {
        Self(Sha256::new().chain_update(LABEL).chain_update(store.user_tag_secret()).finalize().into())
    }

    /// Has the folder be for this database's backups, if it is for no other's; `provider` is whose database it is. That is
    /// on the disk when this returns.
    ///
    /// # Correctness
    /// Whoever calls this has the folder for themselves.
    ///
    /// # Errors
    /// [`Error::Backup`] when it has another database's backups, or other things; when the system refuses. Nothing is
    /// written there then.
    pub(super) fn claim(self, folder: &Path, provider: &ServiceProviderId) -> Result<(), Error> {
        let file = folder.join(NAME);
        let said = read(folder).map_err(|error| {
            Error::Backup(format!(
                "the file {}, which says whose backups these are, cannot be read ({error}): take it from a copy of \
                 that folder, or, if they are this database's, move it away",
                file.display()
            ))
        })?;
        match said {
            Said::Of(owner) if owner.lineage == self => return Ok(()),
            Said::Of(_) => return Err(of_another(folder)),
            Said::NothingWhole => {
                return Err(Error::Backup(format!(
                    "the file {} is damaged, and does not say whose backups these are: take it from a copy of that \
                     folder, or, if they are this database's, move it away",
                    file.display()
                )));
            }
            Said::Nothing => {}
        }
        match look_into(folder).map_err(backup::io(folder))? {
            Contents::Backups => {
                tracing::warn!("nothing says whose backups are in store.backup_path: from now on this database's");
            }
            Contents::Nothing => {}
            Contents::OtherThings(name) => return Err(other_things(folder, &name)),
        }
        let lines = format!("{}\n{provider}\n", hex::encode(self.0));
        replace(&file, lines.as_bytes(), 0o600).map_err(backup::io(&file))
    }
}

impl Vault {
    /// Looks whether a copy of a backup is of the database that the folder is for. If nothing says which, it may be any.
    ///
    /// # Errors
    /// [`Error::Backup`] when it is another's. What opening a database says: it is of another provider, or damaged.
    pub fn require_own(&self, copy: &Path, provider: &ServiceProviderId) -> Result<(), Error> {
        let Said::Of(owner) = read_if_it_can_be(self.path()) else { return Ok(()) };
        let store = RocksStore::open_read_only(copy, provider, CACHE_BYTES, OPEN_FILES)?;
        if Lineage::of(&store) == owner.lineage {
            return Ok(());
        }
        Err(Error::Backup(format!(
            "it is another database's than the file {} says: take another one, see `restante backup list`; or, if it is \
             the right one, move that file away first",
            self.path().join(NAME).display()
        )))
    }

    /// Whose database the folder is for, if it says so.
    pub fn provider(&self) -> Option<ServiceProviderId> {
        match read_if_it_can_be(self.path()) {
            Said::Of(owner) => owner.provider,
            Said::Nothing | Said::NothingWhole => None,
        }
    }
}

/// Refuses to look for backups where other things are: the engine makes folders wherever it looks.
///
/// # Errors
/// [`Error::Backup`]: that, or the system refuses.
pub(super) fn require_no_other_things(folder: &Path) -> Result<(), Error> {
    if let Said::Of(_) = read_if_it_can_be(folder) {
        return Ok(());
    }
    match look_into(folder).map_err(backup::io(folder))? {
        Contents::Backups | Contents::Nothing => Ok(()),
        Contents::OtherThings(name) => Err(other_things(folder, &name)),
    }
}

/// # Privacy
/// It is logged: the provider's name stays in the file, and is said to who asks for a list.
fn of_another(folder: &Path) -> Error {
    Error::Backup(format!(
        "the backups in {} are another database's, and one's would be removed for the other's: see whether store.path \
         names the right database; if so, name a folder for this one alone in store.backup_path",
        folder.display()
    ))
}

fn other_things(folder: &Path, name: &str) -> Error {
    Error::Backup(format!(
        "other things are in {}, `{name}` among them, and no backups: name a folder for backups alone in \
         store.backup_path",
        folder.display()
    ))
}

/// A file that is damaged, or cannot be read at all, is in the way of the next backup, and not of whoever has lost
/// everything else.
fn read_if_it_can_be(folder: &Path) -> Said {
    read(folder).unwrap_or_else(|error| {
        tracing::warn!(%error, "the file `database` in store.backup_path, which says whose backups these are, is unreadable");
        Said::NothingWhole
    })
}

fn read(folder: &Path) -> io::Result<Said> {
    let mut bytes = Vec::new();
    match File::open(folder.join(NAME)).and_then(|file| file.take(BYTES_MAX).read_to_end(&mut bytes)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Said::Nothing),
        // Somebody's folder of that name says nothing.
        Err(error) if error.kind() != io::ErrorKind::IsADirectory => return Err(error),
        _ => {}
    }
    Ok(owner(&bytes).map_or(Said::NothingWhole, Said::Of))
}

/// A line with the hash, and perhaps one with a provider's id.
fn owner(bytes: &[u8]) -> Option<Owner> {
    let mut lines = str::from_utf8(bytes).ok()?.lines();
    let mut hash = [0; 32];
    hex::decode_to_slice(lines.next()?, &mut hash).ok()?;
    let provider = lines.next().map(str::parse).transpose().ok()?;
    lines.next().is_none().then_some(Owner { lineage: Lineage(hash), provider })
}

fn look_into(folder: &Path) -> io::Result<Contents> {
    let found = names(folder)?;
    let is_engines = found.contains(SHARED);
    if is_engines && found.contains(META) && names(&folder.join(META))?.iter().any(|name| name.parse::<u32>().is_ok()) {
        return Ok(Contents::Backups);
    }
    let is_known = |name: &str| BESIDE.contains(&name) || (is_engines && ENGINES.contains(&name));
    Ok(found.into_iter().find(|name| !is_known(name)).map_or(Contents::Nothing, Contents::OtherThings))
}

/// Of everything in a folder.
pub(super) fn names(folder: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
