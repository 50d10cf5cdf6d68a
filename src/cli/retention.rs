//! The words of `restante retention`.

use clap::Subcommand;

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum RetentionCommand {
    /// Have the server look for what may be removed now, and print how it stands
    ///
    /// The server looks once a day by itself, and goes on where it was after a restart. While it looks, this changes
    /// nothing; while it rests because it was away, or its clock leapt, it looks when that is over.
    #[command(after_long_help = "\
Example:
  restante retention run --config hub.toml")]
    Run(Configured),

    /// Print what was looked at and removed, this time and the last time: numbers only
    #[command(after_long_help = "\
Example:
  restante retention status --config hub.toml")]
    Status(Configured),
}

impl RetentionCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Run(configured) | Self::Status(configured) => configured,
        }
    }
}
