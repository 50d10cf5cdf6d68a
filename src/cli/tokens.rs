//! The words of `restante tokens`.

use clap::{ArgGroup, Args, Subcommand};

use super::{Configured, User};

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token that opens a user's KeyPackages, and print it in base64
    ///
    /// The shared token is the same for all contacts of the user, so that it tells nobody from anybody; it stays the
    /// same until it is revoked. A unique token has a handle of its own: its uses are counted, and it can be revoked
    /// alone; the handle is printed on standard error. Give a token to a contact over a channel that the two of them
    /// trust.
    #[command(after_long_help = "\
Examples:
  restante tokens mint --config hub.toml --user alice
  restante tokens mint --config hub.toml --user alice --unique > for-bob.token")]
    Mint(MintToken),

    /// Make tokens open nothing any more, from now on and also after a restart
    ///
    /// Whoever holds a revoked token sees the same as whoever never had one. If the user has no such handle, or is not
    /// known, that is said and the exit status is 1. Handles are forgotten when all tokens of their user are revoked,
    /// and revoked ones when there is no room for a new one. Asks before --all; a script says --yes.
    #[command(after_long_help = "\
Examples:
  restante tokens revoke --config hub.toml --user alice \\
      --handle 1f0c…   as mint or list printed it
  restante tokens revoke --config hub.toml --user alice
  restante tokens revoke --config hub.toml --all")]
    Revoke(RevokeTokens),

    /// Print the handles of a user's unique tokens, how often they were used, and whether they still open anything
    ///
    /// Of times the server keeps no more than the day.
    #[command(after_long_help = "\
Example:
  restante tokens list --config hub.toml --user alice")]
    List(ListTokens),
}

#[derive(Debug, Args)]
pub(crate) struct MintToken {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The user, as text, or as base64:… when the id is no text
    #[arg(long, value_name = "USER")]
    pub(crate) user: User,

    /// Make a unique token; its handle is printed on standard error
    #[arg(long)]
    pub(crate) unique: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("scope").required(true).args(["user", "all"]))]
pub(crate) struct RevokeTokens {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The user, as text, or as base64:… when the id is no text
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<User>,

    /// Only the token with this handle, in hex, as `restante tokens list` prints it
    #[arg(long, value_name = "HANDLE", requires = "user", value_parser = parse_handle)]
    pub(crate) handle: Option<[u8; 16]>,

    /// All tokens of all users
    #[arg(long)]
    pub(crate) all: bool,

    /// Do not ask, as --all does otherwise
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ListTokens {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The user, as text, or as base64:… when the id is no text
    #[arg(long, value_name = "USER")]
    pub(crate) user: User,
}

impl TokensCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Mint(MintToken { configured, .. })
            | Self::Revoke(RevokeTokens { configured, .. })
            | Self::List(ListTokens { configured, .. }) => configured,
        }
    }
}

fn parse_handle(text: &str) -> Result<[u8; 16], &'static str> {
    let mut handle = [0; 16];
    hex::decode_to_slice(text, &mut handle).map_err(|_| "a handle has 32 hex digits")?;
    Ok(handle)
}
