//! The words of `restante db`.

use clap::Subcommand;

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Look at every row of the database, and compare what rows say of each other
    ///
    /// For a database that no server is serving with: a stopped one's, or a copy. Changes nothing, and makes none where there
    /// is none. Says on standard error how far it has come, after each million rows, and prints how many rows there are and
    /// what is wrong, in numbers. Exit status 1 if something is.
    #[command(after_long_help = "\
Examples:
  restante db verify --config hub.toml
  restante db verify --config hub.toml --set store.path=copy-of-the-database")]
    Verify(Configured),
}

impl DbCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Verify(configured) => configured,
        }
    }
}
