//! The words of `restante bans`.

use clap::{ArgGroup, Args, Subcommand};
use restante::wire::ServiceProviderId;

use super::{Configured, User};

#[derive(Debug, Subcommand)]
pub(crate) enum BansCommand {
    /// Ban or mute somebody, or block a provider, from now on and also after a restart
    ///
    /// A user of this provider is banned from all groups, of whatever hub; a user of another provider from the groups
    /// of this hub, by that provider, which reads at /v1/bans whom of its users this hub bans. An identity is what
    /// stands in a credential: where the handshakes are public, commits that add it are refused. A provider that is
    /// blocked gets nothing and is given nothing. The server knows no list of users: a ban is in force for whoever comes
    /// with that id; if it has nothing of such a user of this provider, it says so.
    #[command(after_long_help = "\
Examples:
  restante bans add --config hub.toml --user alice          a user of ours
  restante bans add --config hub.toml --user alice --mute   may read only
  restante bans add --config hub.toml --provider follower.example --user mallory
  restante bans add --config hub.toml --provider follower.example \\
      --identity mimi://follower.example/u/mallory
  restante bans add --config hub.toml --provider follower.example   as a whole")]
    Add(AddBan),

    /// Lift a ban, a mute or a block
    ///
    /// One that somebody else has added is lifted by the tag that `list` prints. If there is none of that name or tag,
    /// that is said and the exit status is 1.
    #[command(after_long_help = "\
Examples:
  restante bans remove --config hub.toml \\
      --provider follower.example --user mallory
  restante bans remove --config hub.toml \\
      --provider follower.example --tag 1f0c…   as list printed it")]
    Remove(RemoveBan),

    /// Print whom this hub bans, and how many of our users other hubs ban
    ///
    /// All of them, or with --provider those of one provider. The server keeps no names, only tags that it makes of them:
    /// whether somebody is banned is told with --user or --identity. If --provider is no peer and has no bans, that is said
    /// and the exit status is 1.
    #[command(after_long_help = "\
Examples:
  restante bans list --config hub.toml
  restante bans list --config hub.toml \\
      --provider follower.example --user mallory")]
    List(ListBans),
}

#[derive(Debug, Args)]
pub(crate) struct AddBan {
    #[command(flatten)]
    pub(crate) ban: BanWords,

    /// Refuse only application messages; of users alone: an identity is not seen in what is sent
    #[arg(long, requires = "user", conflicts_with = "identity")]
    pub(crate) mute: bool,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whom").required(true).multiple(true).args(["provider", "user", "identity"]))]
pub(crate) struct BanWords {
    #[command(flatten)]
    pub(crate) configured: Configured,

    #[command(flatten)]
    pub(crate) whom: Whom,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).multiple(true).args(["provider", "user", "identity", "tag"]))]
pub(crate) struct RemoveBan {
    #[command(flatten)]
    pub(crate) configured: Configured,

    #[command(flatten)]
    pub(crate) whom: Whom,

    /// The ban of this provider's user or identity, or of --provider's, with this tag in hex, as `list` prints it
    #[arg(long, value_name = "TAG", conflicts_with_all = ["user", "identity"], value_parser = parse_tag)]
    pub(crate) tag: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ListBans {
    #[command(flatten)]
    pub(crate) configured: Configured,

    #[command(flatten)]
    pub(crate) whom: Whom,
}

/// Whom a ban is about.
#[derive(Debug, Args)]
pub(crate) struct Whom {
    /// Whose user, or the provider as a whole; a user or an identity without it is this provider's
    #[arg(long, value_name = "ID")]
    pub(crate) provider: Option<ServiceProviderId>,

    /// The user, as text, or as base64:… when the id is no text
    #[arg(long, value_name = "USER", conflicts_with = "identity")]
    pub(crate) user: Option<User>,

    /// The identity in a credential, as text, or as base64:…
    #[arg(long, value_name = "IDENTITY")]
    pub(crate) identity: Option<User>,
}

impl BansCommand {
    pub(crate) fn whom(&self) -> &Whom {
        match self {
            Self::Add(AddBan { ban: BanWords { whom, .. }, .. })
            | Self::Remove(RemoveBan { whom, .. })
            | Self::List(ListBans { whom, .. }) => whom,
        }
    }

    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Add(AddBan { ban: BanWords { configured, .. }, .. })
            | Self::Remove(RemoveBan { configured, .. })
            | Self::List(ListBans { configured, .. }) => configured,
        }
    }
}

fn parse_tag(text: &str) -> Result<String, &'static str> {
    let mut tag = [0; 16];
    hex::decode_to_slice(text, &mut tag).map_err(|_| "a tag has 32 hex digits")?;
    Ok(text.to_owned())
}
