//! The words of `restante forks`.

use clap::{Args, Subcommand, ValueEnum};

use super::Configured;

#[derive(Debug, Subcommand)]
pub(crate) enum ForksCommand {
    /// List the groups that show signs of a fork, or of which a branch is terminated
    ///
    /// The one that showed something new last comes first. A sign is no proof: `show` tells where it was seen.
    #[command(after_long_help = "\
Example:
  restante forks list --config hub.toml

Signs, and what to do:
  rival children  providers use different epochs that follow the same one: ask
                  their users who can still read; `show` tells who is where
  rival heads     two newest epochs of one number differ: the same
  other epoch     a message named another epoch number than its partition's: a
                  faulty client
  no edge         a commit announced a partition that belongs elsewhere: a
                  faulty client
  late handshake  somebody still changed an epoch that others have left: wait,
                  they may catch up
  shared orphan   two providers use it and no commit leads to it: wait for the
                  commit; ask its users

Harmless branches need nothing. One that does harm is ended with `terminate`,
after --dry-run.")]
    List(ListForks),

    /// Draw a group: its partitions, who uses which branch and since when there is evidence of a fork
    ///
    /// The dominant branch is the column on the left, and what leaves it is drawn to the right. Partitions in a
    /// line, without forks or evidence, are drawn as one; of what leaves the dominant branch in one place, the first 200
    /// places are drawn. Providers are named with when they last used something, to the hour.
    #[command(after_long_help = "\
Examples:
  restante forks show --config hub.toml 4f1d2c3b5a697887
  restante forks show --config hub.toml 4f1d2c3b5a697887 --format dot \\
      | dot -Tpng > group.png
  restante forks show --config hub.toml 4f1d2c3b5a697887 --format svg \\
      > group.svg")]
    Show(ShowForks),

    /// Terminate a branch: nothing is sequenced any more in a partition and those behind it
    ///
    /// Says first what that would mean, and asks. What is there can still be read. Welcomes that wait for somebody to use
    /// the branch are dropped. Members on the branch are told that it is terminated, and decide themselves whether they
    /// join the group anew. It can be taken back for 30 days.
    #[command(after_long_help = "\
Examples:
  restante forks terminate --config hub.toml 4f1d2c3b5a697887 0718a1b2c3d4e5f6
  restante forks terminate --config hub.toml --dry-run \\
      4f1d2c3b5a697887 0718a1b2c3d4e5f6
  restante forks terminate --config hub.toml --yes \\
      4f1d2c3b5a697887 0718a1b2c3d4e5f6")]
    Terminate(TerminateBranch),

    /// Restore a terminated branch, within 30 days
    ///
    /// Members can send there again. Welcomes that were dropped stay so. What was terminated by itself further down stays
    /// terminated. `show` names the partition where it says when its branch was terminated.
    #[command(after_long_help = "\
Example:
  restante forks restore --config hub.toml 4f1d2c3b5a697887 0718a1b2c3d4e5f6")]
    Restore(ChosenBranch),
}

/// What a group is drawn as.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub(crate) enum Drawing {
    /// Text for a terminal.
    #[default]
    Text,
    /// The language of Graphviz.
    Dot,
    /// A picture for a browser.
    Svg,
    /// What the others are drawn from.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct ListForks {
    #[command(flatten)]
    pub(crate) configured: Configured,
}

#[derive(Debug, Args)]
pub(crate) struct ShowForks {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The group: the first 16 hex digits of SHA-256 of its id, as `list` prints them, or more
    #[arg(value_name = "GROUP", value_parser = parse_name)]
    pub(crate) group: String,

    /// As what to draw it
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub(crate) format: Drawing,
}

#[derive(Debug, Args)]
pub(crate) struct TerminateBranch {
    #[command(flatten)]
    pub(crate) chosen: ChosenBranch,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,

    /// Say what it would mean, and do nothing
    #[arg(long, conflicts_with = "yes")]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ChosenBranch {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The group: the first 16 hex digits of SHA-256 of its id, as `list` prints them, or more
    #[arg(value_name = "GROUP", value_parser = parse_name)]
    pub(crate) group: String,

    /// The partition with which the branch begins: the first 16 hex digits of its masked key, as `show` prints them
    #[arg(value_name = "PARTITION", value_parser = parse_name)]
    pub(crate) branch: String,
}

impl ForksCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::List(ListForks { configured })
            | Self::Show(ShowForks { configured, .. })
            | Self::Terminate(TerminateBranch { chosen: ChosenBranch { configured, .. }, .. })
            | Self::Restore(ChosenBranch { configured, .. }) => configured,
        }
    }
}

fn parse_name(text: &str) -> Result<String, &'static str> {
    let name = text.to_ascii_lowercase();
    restante::forks::parse_name(&name).map(|_| name).ok_or("a name has 16 to 64 hex digits, an even number of them")
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};
    use restante::forks::{Shown, text};
    use serde_json::json;

    use super::*;

    #[derive(Parser)]
    struct Words {
        #[command(subcommand)]
        _forks: ForksCommand,
    }

    #[test]
    fn the_help_says_what_to_do_about_each_sign_that_is_listed() {
        let forks = Words::command();
        let help = forks.find_subcommand("list").unwrap().get_after_long_help().unwrap().to_string();
        for word in ["rival-children", "rival-heads", "other-epoch", "no-edge", "late-handshake", "shared-orphan"] {
            let shown: Shown = serde_json::from_value(json!({ "sign": word, "since_ms": 0 })).unwrap();
            let listed = text::brief(&shown);
            let (name, _) = listed.split_once(" since ").unwrap();
            assert!(
                help.lines().any(|line| line.strip_prefix("  ").is_some_and(|line| line.starts_with(name))),
                "{name}"
            );
        }
    }
}
