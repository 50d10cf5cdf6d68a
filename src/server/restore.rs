//! Putting a backup back, and looking at backups and databases that no process serves with.
//!
//! What is put back is made ready beside the place where it will be, and moved there whole at the end: a restore that is
//! cut off anywhere leaves nothing that could be served with, and is begun again from the backup.

use std::{
    fs::{self, Metadata},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use restante_files::{
    folder_of, give_files_to_owner, give_to_owner_of_former, make_folder, remove_folder, sync_folder,
};

use super::{Error, policies, public};
use crate::{
    config::{Config, restoring},
    service::{self, Clock, Entropy, Parts, Service, SystemClock, SystemEntropy},
    store::{
        self, Backup, Backups, DamagedBackup, Inspection, SharedStore,
        rocks::{OpenOptions, RocksStore, Standstill, Vault, inspect},
    },
    wire::ServiceProviderId,
};

/// Is told how far long work has come: a column family, and how many of its rows were looked at so far.
pub(crate) type Progress<'a> = &'a mut (dyn FnMut(&'static str, u64) + Send);

/// Is told what is wrong with a copy of which every row can be read, and says whether it is put back as it is.
pub(crate) type Accept<'a> = &'a mut (dyn FnMut(&Inspection) -> bool + Send);

/// What was put back.
#[derive(Debug)]
pub struct Restored {
    /// Which backup.
    pub backup: Backup,
    /// Users whose KeyPackages were removed.
    pub users: usize,
}

/// Why nothing was put back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The configuration names no folder of backups.
    #[error("store.backup_path is not set: name the folder of the backups")]
    NoPlace,
    /// A database, or something else, is where it should go.
    #[error("{} is there already: move it away first, so that nothing is lost by mistake", .0.display())]
    Occupied(PathBuf),
    /// Nothing can be moved to where it should go.
    #[error("{} is a link or a mount point: make store.path a folder inside the volume", .0.display())]
    Fixed(PathBuf),
    /// What was copied is not what was a database once.
    #[error("the backup is damaged:\n{0}")]
    Damaged(Inspection),
    /// The system.
    #[error("the restored database cannot be put in its place: {}: {}", .0, next(.0))]
    Io(#[from] io::Error),
    /// All of it is in its place, and the system does not say that this lasts.
    #[error(
        "the database was put back at {}, and may not stay there ({}): look at the disk, and at what is there",
        .0.display(),
        .1
    )]
    Unsynced(PathBuf, io::Error),
    /// The database, or the backup.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// What makes it fit to be served with.
    #[error(transparent)]
    Server(#[from] Error),
}

impl From<service::Error> for RestoreError {
    fn from(error: service::Error) -> Self {
        Self::Server(error.into())
    }
}

/// What the system does not let happen, and what is to be done about it.
fn next(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::DirectoryNotEmpty => {
            "something came to store.path meanwhile: move it away, and begin again"
        }
        io::ErrorKind::NotADirectory => {
            "a file is in the way, at store.path or beside it under the same name with `.restoring`: move it away"
        }
        io::ErrorKind::NotFound => "see what store.path names, and whether its disk is there",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "see whose the folder above store.path is, and run this as the service's user"
        }
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there, and begin again",
        _ => "look at the disk",
    }
}

/// What is found where backups are looked for.
#[derive(Debug)]
pub struct Found {
    /// Where.
    pub folder: PathBuf,
    /// Whether there is such a folder. Before the first backup there is none.
    pub is_there: bool,
    /// Whose database the folder is for, if it says so.
    pub provider: Option<ServiceProviderId>,
    /// All whole backups, oldest first.
    pub backups: Vec<Backup>,
    /// All others, oldest first.
    pub damaged: Vec<DamagedBackup>,
}

/// Looks for backups. Where there is no folder for them, none is made.
///
/// # Errors
/// The folder cannot be read, has other things, or others use it.
pub fn backups(config: &Config) -> Result<Found, RestoreError> {
    let folder = config.store.backup_path.clone().ok_or(RestoreError::NoPlace)?;
    if matches!(fs::symlink_metadata(&folder), Err(error) if error.kind() == io::ErrorKind::NotFound) {
        return Ok(Found { folder, is_there: false, provider: None, backups: Vec::new(), damaged: Vec::new() });
    }
    let vault = open(config)?;
    let (provider, Backups { whole, damaged }) = (vault.provider(), vault.backups()?);
    Ok(Found { folder, is_there: true, provider, backups: whole, damaged })
}

/// Looks at every row of the configured database, which no process may be serving with; none can begin to
/// meanwhile, or it is told. Where there is none, none is made.
///
/// # Errors
/// There is none, it cannot be opened, or is served with.
pub fn verify_database(config: &Config, progress: Progress<'_>) -> Result<Inspection, store::Error> {
    let held = Standstill::of(&config.store.path)?;
    let inspection = inspect(&config.store.path, &config.provider.id, progress);
    held.end()?;
    inspection
}

/// Copies a backup out, which compares the checksum of every file, and looks at every row of the copy; then the copy is
/// removed. It takes as much room in the folder of backups as the database does. Backups can be made meanwhile.
///
/// # Errors
/// A file is damaged, there is no room, it is of another database than the folder, or another process does the same.
pub fn verify_backup(
    config: &Config,
    id: Option<u32>,
    progress: Progress<'_>,
) -> Result<(Backup, Inspection), RestoreError> {
    let mut vault = open(config)?;
    let backup = vault.find(id)?;
    let copy = vault.copy_aside(backup.id)?;
    let own = vault.require_own(copy.path(), &config.provider.id);
    drop(vault);
    let inspection = own.and_then(|()| inspect(copy.path(), &config.provider.id, progress));
    let removed = copy.remove();
    let inspection = inspection.map_err(of_a_backup)?;
    removed?;
    Ok((backup, inspection))
}

/// Puts a backup in the place of a database that is lost: copies it, looks at every row, has partitions go on behind indexes
/// that may have been given since, revokes all tokens, removes all KeyPackages (specs/storage.md, "Restoring a backup").
/// Whether a copy whose rows do not agree is put back, `accept` says.
///
/// # Errors
/// Something is in the place of the database, the backup is damaged or of another database than its folder, or there is no
/// room. Nothing was put there then, and nothing is left of the copy; but [`RestoreError::Unsynced`] is said when all of it is
/// there.
pub async fn restore(
    config: &Config,
    id: Option<u32>,
    progress: Progress<'_>,
    accept: Accept<'_>,
) -> Result<Restored, RestoreError> {
    if config.store.backup_path.is_none() {
        return Err(RestoreError::NoPlace);
    }
    require_room_for_a_move(&config.store.path)?;
    let copy = restoring(&config.store.path);
    // Held to the end: of two restores at once, one would put in place, or remove, what the other is still at.
    let mut vault = open(config)?;
    let restored = restore_by(config, id, &mut vault, &copy, progress, accept).await;
    if restored.is_err() {
        // It takes the room of a database. What went wrong first is what the operator has to know; the next attempt removes
        // what is left all the same.
        drop(remove_folder(&copy));
    }
    drop(vault);
    restored
}

/// The same by that copy, which is there, or a part of it, if this fails.
async fn restore_by(
    config: &Config,
    id: Option<u32>,
    vault: &mut Vault,
    copy: &Path,
    progress: Progress<'_>,
    accept: Accept<'_>,
) -> Result<Restored, RestoreError> {
    let path = &config.store.path;
    // An empty folder, which may belong to somebody else than the one above.
    let former = fs::symlink_metadata(path).ok();
    try_to_move(copy, path, former.as_ref())?;
    let backup = vault.find(id)?;
    vault.copy_out(backup.id, copy)?;
    vault.require_own(copy, &config.provider.id).map_err(of_a_backup)?;
    let inspection = inspect(copy, &config.provider.id, progress).map_err(of_a_backup)?;
    let is_accepted = inspection.is_sound() || (inspection.is_readable() && accept(&inspection));
    if !is_accepted {
        return Err(RestoreError::Damaged(inspection));
    }
    let now = SystemClock.now();
    open_copy(config, copy)?.go_on_from_backup(vault, now, public::last_mark_ms(now))?;
    let users = forget_what_was_given_out(config, copy).await?;
    // The engine knows of no owners: what root puts back would be root's, and the service could not open it.
    if let Some(former) = &former {
        give_to_owner_of_former(copy, former)?;
    }
    give_files_to_owner(copy)?;
    put_in_place(copy, path)?;
    sync_folder(folder_of(path)).map_err(|error| RestoreError::Unsynced(path.clone(), error))?;
    Ok(Restored { backup, users })
}

fn open(config: &Config) -> Result<Vault, RestoreError> {
    Ok(Vault::open(config.store.backup_path.as_deref().ok_or(RestoreError::NoPlace)?)?)
}

/// What opening says of a database, said of a copy of a backup: the setting to look at is another one.
fn of_a_backup(error: store::Error) -> store::Error {
    match error {
        store::Error::OtherProvider { found, expected } => store::Error::Backup(format!(
            "it is a backup of provider {found}, and provider.id is {expected}: see what store.backup_path names"
        )),
        error => error,
    }
}

/// Nothing is at that place, or an empty folder of the disk that the folder above is on.
fn require_room_for_a_move(path: &Path) -> Result<(), RestoreError> {
    let found = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found?,
    };
    if found.is_symlink() || is_mount_point(path, &found)? {
        return Err(RestoreError::Fixed(path.to_owned()));
    }
    if fs::read_dir(path)?.next().is_some() {
        return Err(RestoreError::Occupied(path.to_owned()));
    }
    Ok(())
}

#[cfg(unix)]
fn is_mount_point(path: &Path, found: &Metadata) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(found.dev() != fs::metadata(folder_of(path))?.dev())
}

#[cfg(not(unix))]
fn is_mount_point(_path: &Path, _found: &Metadata) -> io::Result<bool> {
    Ok(false)
}

/// Moves an empty folder there, as the copy will be at the end: what forbids that is said before hours of work, such as that
/// a part of the same disk is mounted there. It stays only where one was before.
fn try_to_move(copy: &Path, path: &Path, former: Option<&Metadata>) -> Result<(), RestoreError> {
    remove_folder(copy)?;
    make_folder(copy, 0o700)?;
    if let Some(former) = former {
        give_to_owner_of_former(copy, former)?;
    }
    if let Err(error) = put_in_place(copy, path) {
        drop(fs::remove_dir(copy));
        return Err(match error.kind() {
            io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices => RestoreError::Fixed(path.to_owned()),
            _ => error.into(),
        });
    }
    if former.is_none() {
        fs::remove_dir(path)?;
    }
    Ok(())
}

/// An empty folder may be there.
fn put_in_place(copy: &Path, path: &Path) -> io::Result<()> {
    if path.exists() {
        fs::remove_dir(path)?;
    }
    fs::rename(copy, path)
}

/// The secrets of a database that is there are in it: none are drawn.
fn open_copy(config: &Config, copy: &Path) -> Result<RocksStore, store::Error> {
    let fresh_secrets = [[0; 32]; 2];
    let (provider, forgotten_ms, cache_bytes) = (&config.provider.id, 0, config.store.cache_bytes);
    let open_files = restante_process::table_files();
    RocksStore::open(OpenOptions { path: copy, provider, fresh_secrets, forgotten_ms, cache_bytes, open_files })
}

/// Tokens that were revoked since would be good again, and KeyPackages that were handed out would be handed out again: a
/// service without listeners makes an end of all of them.
async fn forget_what_was_given_out(config: &Config, copy: &Path) -> Result<usize, RestoreError> {
    let store: SharedStore = Arc::new(open_copy(config, copy)?);
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
    let service = Arc::new(Service::start(Parts {
        provider: config.provider.id.clone(),
        store,
        policy: policies::policy(config),
        pool_policy: policies::pool_policy(config),
        limits: super::limits::of_service(config),
        clock,
        entropy,
    })?);
    let forgotten = forget(&service).await;
    service.deletion_ended().await;
    // Also where it failed: nobody may have a file of the copy open when that is moved, or removed.
    tokio::task::spawn_blocking(move || service.finish()).await.map_err(|_| service::Error::NoThread)?;
    Ok(forgotten?)
}

/// Gives how many users had KeyPackages.
async fn forget(service: &Arc<Service>) -> Result<usize, service::Error> {
    service.revoke_all_tokens().await?;
    service.delete_all_key_packages().await
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn trying_leaves_things_as_they_were() {
        let site = tempfile::tempdir().unwrap();
        let (copy, path) = (site.path().join("data.restoring"), site.path().join("data"));
        fs::create_dir(&copy).unwrap();
        fs::write(copy.join("of an earlier attempt"), "").unwrap();
        let try_it = || try_to_move(&copy, &path, fs::symlink_metadata(&path).ok().as_ref());
        try_it().unwrap();
        assert!(!copy.exists() && !path.exists());
        fs::create_dir(&path).unwrap();
        try_it().unwrap();
        assert!(!copy.exists() && fs::read_dir(&path).unwrap().next().is_none());
        // What came there meanwhile stays.
        fs::write(path.join("file"), "").unwrap();
        assert!(matches!(try_it(), Err(RestoreError::Io(_))));
        assert!(!copy.exists() && path.join("file").exists());
    }

    #[test]
    fn what_nothing_can_be_moved_to_is_refused_at_once() {
        let site = tempfile::tempdir().unwrap();
        let path = site.path().join("data");
        require_room_for_a_move(&path).unwrap();
        fs::create_dir(&path).unwrap();
        require_room_for_a_move(&path).unwrap();
        let link = site.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(matches!(require_room_for_a_move(&link), Err(RestoreError::Fixed(_))));
        fs::write(path.join("file"), "").unwrap();
        assert!(matches!(require_room_for_a_move(&path), Err(RestoreError::Occupied(_))));
        fs::remove_dir_all(&path).unwrap();
        assert!(matches!(require_room_for_a_move(&link), Err(RestoreError::Fixed(_))), "also one that leads nowhere");
        #[cfg(target_os = "linux")]
        assert!(matches!(require_room_for_a_move(Path::new("/proc")), Err(RestoreError::Fixed(_))));
    }
}
