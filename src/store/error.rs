//! What can go wrong on our side of the wire.

/// The engine failed: our fault, never the asker's.
///
/// # Privacy
/// Texts come from the engine and name files at most, no key and no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The operating system or the engine refused to read or write.
    #[error("the database cannot be read or written: {0}")]
    Io(String),
    /// What was written before cannot be read any more: the disk fails, or a file is damaged. From the first such read on
    /// nothing is written until the next start.
    #[error(
        "the column family {family} of the database cannot be read ({text}): look at the disk, stop the server, then \
         `restante db verify` says what is damaged, and `restante backup restore` goes on from a backup"
    )]
    Unreadable {
        /// Where.
        family: &'static str,
        /// What the engine says.
        text: String,
    },
    /// A read failed like that before: nothing is written until the next start.
    #[error("the column family {0} of the database cannot be read, so nothing more is written: see the log")]
    Damaged(&'static str),
    /// Something on disk is not what was written.
    #[error("the database holds a {0} that cannot be decoded: restore it from a backup")]
    Corrupt(&'static str),
    /// The database was written by another version.
    #[error("the database has format {found}, this program reads format {expected}: use the matching version")]
    FormatVersion {
        /// In the database.
        found: u32,
        /// In this program.
        expected: u32,
    },
    /// The database belongs to another provider.
    #[error("the database belongs to provider {found}, not to {expected}: check store.path and provider.id")]
    OtherProvider {
        /// In the database.
        found: String,
        /// In the configuration.
        expected: String,
    },
    /// Where the database should be there is none of this program's: nothing, or something else. It is as it was.
    #[error("{0}")]
    NoDatabase(String),
    /// Somebody else has the database open.
    #[error("another process has the database open: one process at a time serves a database")]
    InUse,
    /// Somebody else makes, looks at or restores a backup.
    #[error("another process makes, looks at or restores a backup in store.backup_path: one at a time")]
    BackupsInUse,
    /// The folder of backups, or what is in it, cannot be used. The database is as it was.
    #[error("{0}")]
    Backup(String),
    /// A write failed before: nothing is written until the next start.
    #[error("an earlier write failed, so nothing more is written: look at disk space and the log, then restart")]
    Poisoned,
    /// A snapshot of what is at hand was asked for something else: the same read of a full snapshot tells.
    #[error("the row is not at hand")]
    NotAtHand,
    /// Somebody else changed what the batch was computed from.
    #[error("the state changed meanwhile")]
    Conflict,
}
