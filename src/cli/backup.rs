//! The words of `restante backup`.

use clap::{Args, Subcommand};

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// Have the running server make a backup, and wait until it is made
    ///
    /// Asks the running server through its local listener. It goes on serving; what it acknowledged before is in the backup.
    /// Backups stand in store.backup_path; what they have in common is there once, and the latest store.backups_kept of
    /// them are kept. What the running server has read when it started counts for both, and nothing that is said here; the
    /// folder is printed. It is for one database: with another one's backups in it, or other things, it is refused. A
    /// backup holds the database's secrets: whoever reads it can make tokens. The folder has mode 0700; keep copies of it
    /// encrypted. The gateway's keys are not in it.
    #[command(after_long_help = "\
Example:
  restante backup create --config hub.toml")]
    Create(Configured),

    /// Print the backups that are there
    ///
    /// Looks into store.backup_path, and asks no server. Says so if they are another provider's.
    #[command(after_long_help = "\
Example:
  restante backup list --config hub.toml")]
    List(Configured),

    /// Copy a backup out, compare all checksums, look at every row of the copy, and remove it
    ///
    /// Takes as much room in store.backup_path as the database does. Asks no server, and backups can be made meanwhile. Exit
    /// status 1 if something is wrong.
    #[command(after_long_help = "\
Examples:
  restante backup verify --config hub.toml
  restante backup verify --config hub.toml --backup 3")]
    Verify(ChosenBackup),

    /// Put a backup in the place of a database that is lost
    ///
    /// No server may be running, and nothing, or an empty folder, may stand at store.path, which may be no link and no
    /// mount point. The hub goes on from the backup: what was sequenced after it is forgotten, and no index that may have
    /// been given then is given again. All bearer tokens are revoked and all KeyPackages removed, because nobody knows
    /// which were revoked or handed out since: mint anew, and have devices upload. specs/storage.md says what else is forgotten, bans and deletions of groups among it.
    ///
    /// A damaged backup is refused: try an earlier one. Where all are damaged, the last way is --although-damaged. One of
    /// another database than the folder's is refused as well.
    #[command(after_long_help = "\
Examples:
  restante backup restore --config hub.toml
  restante backup restore --config hub.toml --backup 3
  restante backup restore --config hub.toml --although-damaged")]
    Restore(RestoredBackup),
}

#[derive(Debug, Args)]
pub(crate) struct ChosenBackup {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// Its number, as `restante backup list` prints it; without it the latest
    #[arg(long, value_name = "NUMBER")]
    pub(crate) backup: Option<u32>,
}

#[derive(Debug, Args)]
pub(crate) struct RestoredBackup {
    #[command(flatten)]
    pub(crate) chosen: ChosenBackup,

    /// Put it back although its rows do not agree, and say what is wrong
    ///
    /// For when no backup is sound. Nothing is mended: what is counted as wrong stays so, and what cannot be decoded is
    /// refused to whoever needs it. A backup with a file of another checksum, or with rows that cannot be read at all, is
    /// refused all the same.
    #[arg(long)]
    pub(crate) although_damaged: bool,
}

impl BackupCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Create(configured) | Self::List(configured) => configured,
            Self::Verify(chosen) | Self::Restore(RestoredBackup { chosen, .. }) => &chosen.configured,
        }
    }
}
