//! The words of `restante reports`.

use clap::{Args, Subcommand};

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum ReportsCommand {
    /// Print how often providers were reported, for what and by whose users
    ///
    /// Numbers are all that is kept: not who complained, and not about which group. They are claims.
    #[command(after_long_help = "\
Example:
  restante reports list --config hub.toml")]
    List(ListReports),
}

#[derive(Debug, Args)]
pub(crate) struct ListReports {
    #[command(flatten)]
    pub(crate) configured: Configured,
}

impl ReportsCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::List(ListReports { configured }) => configured,
        }
    }
}
