//! The words of `restante key-packages`.

use clap::{Args, Subcommand};

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum KeyPackagesCommand {
    /// Delete the KeyPackages of all users, who then have to upload new ones
    ///
    /// For the day on which an old copy of the database was put back: it would hand out KeyPackages that were handed out
    /// since. Until their devices have uploaded anew, users cannot be added to groups. With very many users the server
    /// goes on after this command has given up waiting, which it does after ten minutes; run it again to wait on. If
    /// some users' rows cannot be read, those of all others are deleted, the command fails, and the server's log says
    /// how many there are. Asks before; a script says --yes.
    #[command(after_long_help = "\
Examples:
  restante key-packages delete --config hub.toml --all
  restante key-packages delete --config hub.toml --all --yes   in a script")]
    Delete(DeleteKeyPackages),
}

#[derive(Debug, Args)]
pub(crate) struct DeleteKeyPackages {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// All KeyPackages of all users
    #[arg(long, required = true)]
    pub(crate) all: bool,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

impl KeyPackagesCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Delete(DeleteKeyPackages { configured, .. }) => configured,
        }
    }
}
