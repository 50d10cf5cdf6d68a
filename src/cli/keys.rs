//! The words of `restante keys`.

use clap::{Args, Subcommand};
use restante_gateway::Kem;

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Print the keys, their times, and the SHA-256 of the published list
    ///
    /// Whoever compares that hash with what a relay's public log says knows that the relay hands out this list.
    /// Changes nothing, also when the schedule has something to do.
    #[command(after_long_help = "\
Example:
  restante keys list --config hub.toml")]
    List(Configured),

    /// Publish successors now, ahead of the schedule
    ///
    /// One for each kind of key that is offered, or for the one that --kem names. They come into use a day later, like
    /// any other. Fails while two keys of a kind are live. Relays take a list that changed less than twelve hours after
    /// its last change only when those have passed, and until then clients get nothing; standard error says how long
    /// that takes otherwise.
    #[command(after_long_help = "\
Examples:
  restante keys rotate --config hub.toml
  restante keys rotate --config hub.toml --kem x-wing")]
    Rotate(RotateKey),

    /// Use a key no more, from now on, as after a break-in
    ///
    /// Requests to it are refused within a minute. Its successor is used at once, and one is made if there is none.
    /// Clients get on with that when their relay has the new list: ten minutes later at most, but not before the list's
    /// last change is twelve hours ago, which relays and clients ask for. The key is out of the keyring's file; copies
    /// that backups or the medium keep of the file before are sealed with the seal key. Asks before.
    #[command(after_long_help = "\
Examples:
  restante keys retire --config hub.toml 17
  restante keys retire --config hub.toml 17 --yes   in a script")]
    Retire(RetireKey),
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// One kind of key alone: x25519, which every client knows, or x-wing, X25519 and ML-KEM-768 together
    #[arg(long, value_name = "KEM")]
    pub(crate) kem: Option<Kem>,
}

#[derive(Debug, Args)]
pub(crate) struct RetireKey {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The key's id, as `restante keys list` prints it
    #[arg(value_name = "ID")]
    pub(crate) key_id: u8,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

impl KeysCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::List(configured)
            | Self::Rotate(RotateKey { configured, .. })
            | Self::Retire(RetireKey { configured, .. }) => configured,
        }
    }
}
