//! Opening: options of the engine, format version, owner.

use std::path::Path;

use restante_files::make_folder;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBRecoveryMode, DEFAULT_COLUMN_FAMILY_NAME, ErrorKind,
    IteratorMode, LogLevel, Options, WriteOptions,
};
use zeroize::Zeroize;

use super::{
    RocksStore, keys,
    log_tail::CutOff,
    own_rows::{self, format_version},
    place, restored,
};
use crate::{pool::TokenSecret, sequencer::UnixMillis, store::Error, wire::ServiceProviderId};

/// The format that this program writes and reads. A change of bytes on disk raises it (see `specs/storage.md`).
pub const FORMAT_VERSION: u32 = 5;

/// What opening needs to know.
pub struct OpenOptions<'a> {
    /// The folder, created if missing.
    pub path: &'a Path,
    /// Whose database it is: a database is never opened for another provider.
    pub provider: &'a ServiceProviderId,
    /// Random bytes for the database's own secrets, used when it is created.
    pub fresh_secrets: [[u8; 32]; 2],
    /// What a database that is created says of requests that came through the gateway before: those whose marks would
    /// have lapsed by then may have been answered, and it would not know (see `Snapshot::marks_lapsed`). 0 for none.
    pub forgotten_ms: UnixMillis,
    /// Memory for cached blocks, in bytes.
    pub cache_bytes: usize,
    /// So many files of tables and large values are kept open, and no fewer than 20. Logs and files that are being written
    /// come on top.
    pub open_files: u32,
}

/// Said where nothing is to be changed.
const CUT_OFF: &str =
    "its last write was cut off, as when the power was: start the server once, which takes that write away";

/// From so many open files on they are kept in as many shards as RocksDB usually has.
const MANY_OPEN_FILES: u32 = 512;

const MIB: usize = 1024 * 1024;

impl RocksStore {
    /// Opens the database, or creates it.
    ///
    /// # Errors
    /// [`Error::NoDatabase`] when other things are there, or another program's database; [`Error::FormatVersion`] and
    /// [`Error::OtherProvider`] before a row is touched; [`Error::InUse`]; [`Error::Io`] when the disk refuses or a file is
    /// damaged; [`Error::Corrupt`] when the first rows cannot be read.
    pub fn open(mut options: OpenOptions<'_>) -> Result<Self, Error> {
        place::require_room(options.path)?;
        check_families(options.path)?;
        // Messages and the database's secrets are nobody else's business. RocksDB does not sync the names of its folders.
        make_folder(options.path, 0o700).map_err(|error| Error::Io(format!("{}: {error}", options.path.display())))?;
        place::warn_of_others(options.path);
        let cache = Cache::new_lru_cache(options.cache_bytes);
        let db = open_or_mend(options.path, &cache, options.open_files)?;
        let found = db.get(keys::FORMAT).map_err(io)?;
        let fresh = found.is_none();
        if let Some(found) = found {
            let found = format_version(&found)?;
            if found != FORMAT_VERSION {
                return Err(Error::FormatVersion { found, expected: FORMAT_VERSION });
            }
        } else {
            let mut first = rocksdb::WriteBatch::default();
            first.put(keys::PROVIDER, options.provider.as_str());
            let [user_tags, tokens] = &options.fresh_secrets;
            first.put(keys::USER_TAG_SECRET, user_tags);
            first.put(keys::TOKEN_SECRET, tokens);
            if options.forgotten_ms > 0 {
                let state = db.cf_handle(keys::STATE).ok_or(Error::Corrupt("list of column families"))?;
                first.put_cf(state, [keys::kind::LAPSED], options.forgotten_ms.to_be_bytes());
            }
            first.put(keys::FORMAT, FORMAT_VERSION.to_be_bytes());
            let mut synced = WriteOptions::default();
            synced.set_sync(true);
            db.write_opt(first, &synced).map_err(io)?;
        }
        options.fresh_secrets.zeroize();
        let store = Self::of(db, options.provider)?;
        tracing::info!(fresh, format = FORMAT_VERSION, open_files = options.open_files, "database opened");
        Ok(store)
    }

    /// Opens a database that is there and that no process writes to, to read. Nothing can be written through it.
    ///
    /// # Errors
    /// The same, and [`Error::NoDatabase`] when there is none: nothing is made.
    pub(super) fn open_read_only(
        path: &Path,
        provider: &ServiceProviderId,
        cache_bytes: usize,
        open_files: u32,
    ) -> Result<Self, Error> {
        place::require_database(path)?;
        check_families(path)?;
        let cache = Cache::new_lru_cache(cache_bytes);
        let families = keys::FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family_options(name, &cache)));
        let mut options = database_options(open_files);
        options.create_if_missing(false);
        options.create_missing_column_families(false);
        let db = DB::open_cf_descriptors_read_only(&options, path, families, false).map_err(|error| {
            let is_cut_off =
                error.kind() == ErrorKind::Corruption && CutOff::find(path).is_ok_and(|found| !found.is_empty());
            if is_cut_off { Error::Io(CUT_OFF.to_owned()) } else { io(error) }
        })?;
        let found = format_version(&db.get(keys::FORMAT).map_err(io)?.ok_or(Error::Corrupt("format version"))?)?;
        if found != FORMAT_VERSION {
            return Err(Error::FormatVersion { found, expected: FORMAT_VERSION });
        }
        Self::of(db, provider)
    }

    /// A database whose format is right, if it is that provider's.
    fn of(db: DB, provider: &ServiceProviderId) -> Result<Self, Error> {
        let owner = owner(&db)?;
        if owner != provider.as_str().as_bytes() {
            return Err(Error::OtherProvider {
                found: String::from_utf8_lossy(&owner).into_owned(),
                expected: provider.to_string(),
            });
        }
        let user_tags = secret(&db, keys::USER_TAG_SECRET)?;
        let tokens = TokenSecret::new(secret(&db, keys::TOKEN_SECRET)?);
        let forgotten = restored::read(db.get(keys::RESTORED).map_err(io)?.as_deref())?;
        Ok(Self::new(db, user_tags, tokens, forgotten))
    }
}

/// Whose database it is.
pub(super) fn provider_of(store: &RocksStore) -> Result<ServiceProviderId, Error> {
    own_rows::owner(&owner(store.db())?)
}

fn owner(db: &DB) -> Result<Vec<u8>, Error> {
    db.get(keys::PROVIDER).map_err(io)?.ok_or(Error::Corrupt("owner"))
}

fn secret(db: &DB, row: &[u8]) -> Result<[u8; 32], Error> {
    own_rows::secret(&db.get(row).map_err(io)?.ok_or(Error::Corrupt("secret"))?)
}

fn io(error: rocksdb::Error) -> Error {
    let text = error.into_string();
    // RocksDB has no kind of its own for this: another process, and this very one.
    if text.contains("While lock file") || text.contains("lock hold by current process") {
        return Error::InUse;
    }
    Error::Io(text)
}

/// Opens it; if the power was cut in the middle of a write, without that write.
fn open_or_mend(path: &Path, cache: &Cache, open_files: u32) -> Result<DB, Error> {
    let open = || {
        let families = keys::FAMILIES.map(|name| ColumnFamilyDescriptor::new(name, family_options(name, cache)));
        DB::open_cf_descriptors(&database_options(open_files), path, families)
    };
    let refused = match open() {
        Ok(db) => return Ok(db),
        Err(error) => error,
    };
    // Nobody else has it open: that would have been said instead.
    let is_damaged = refused.kind() == ErrorKind::Corruption;
    let cut_off = if is_damaged { CutOff::find(path).unwrap_or_default() } else { Vec::new() };
    if cut_off.is_empty() {
        return Err(io(refused));
    }
    for cut_off in cut_off {
        cut_off.take_away().map_err(|error| Error::Io(error.to_string()))?;
    }
    open().map_err(io)
}

/// Refuses a database with other column families than ours: one of another format, if it says so. Opening it would add
/// what is missing.
fn check_families(path: &Path) -> Result<(), Error> {
    // Without a list there is no database yet, or a damaged one, which opening it tells.
    let Ok(found) = DB::list_cf(&Options::default(), path) else { return Ok(()) };
    let known = |name: &str| name == DEFAULT_COLUMN_FAMILY_NAME || keys::FAMILIES.contains(&name);
    let all_known = found.iter().all(|name| known(name));
    if all_known && found.len() == keys::FAMILIES.len() + 1 {
        return Ok(());
    }
    let db = DB::open_for_read_only(&Options::default(), path, false).map_err(io)?;
    match db.get(keys::FORMAT).map_err(io)?.map(|found| format_version(&found)).transpose()? {
        Some(found) if found != FORMAT_VERSION => Err(Error::FormatVersion { found, expected: FORMAT_VERSION }),
        // The first start was interrupted before the first rows were written.
        None if all_known => match db.iterator(IteratorMode::Start).next().transpose().map_err(io)? {
            None => Ok(()),
            Some(_) => Err(place::of_another_program(path)),
        },
        None => Err(place::of_another_program(path)),
        Some(_) => Err(Error::Corrupt("list of column families")),
    }
}

fn database_options(open_files: u32) -> Options {
    let mut options = Options::default();
    // A write that was cut off by the end of the power was never acknowledged. Damage before that was, and is an error:
    // the usual mode would take it for the end of the log and forget what comes after.
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_background_jobs(2);
    options.set_max_open_files(i32::try_from(open_files).unwrap_or(i32::MAX));
    // They are divided among so many shards, each of which rounds up: sixty-four of them would have sixty-four files at least.
    options.set_table_cache_num_shard_bits(if open_files < MANY_OPEN_FILES { 2 } else { 6 });
    // Compactions and flushes reach the disk steadily instead of in one long stall behind a synced write.
    options.set_bytes_per_sync(MIB as u64);
    // Rows that are in no file yet are in memory and in the logs: this bounds both, and what a start has to read.
    options.set_max_total_wal_size(128 * MIB as u64);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(16 * MIB);
    options.set_log_level(LogLevel::Warn);
    options
}

fn family_options(name: &'static str, cache: &Cache) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_bloom_filter(10.0, false);
    table.set_format_version(6);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_block_size(16 * 1024);

    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_level_compaction_dynamic_level_bytes(true);
    match name {
        keys::MESSAGES => options.set_write_buffer_size(64 * MIB),
        keys::BLOBS | keys::OUTBOX | keys::INBOX | keys::PUBLIC => {
            // Trees of megabytes are written once and never moved by compactions.
            options.set_enable_blob_files(true);
            options.set_min_blob_size(16 * 1024);
            options.set_enable_blob_gc(true);
            options.set_write_buffer_size(32 * MIB);
        }
        keys::REPEATS => {
            // Nearly every look-up is for something that is not there.
            options.set_memtable_whole_key_filtering(true);
            options.set_memtable_prefix_bloom_ratio(0.1);
            options.set_write_buffer_size(32 * MIB);
        }
        _ => options.set_write_buffer_size(32 * MIB),
    }
    options
}
