//! The command line: its words, and nothing that acts on them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use restante_gateway::Kem;
use restante_process::{
    Manual,
    config::Setting,
    telemetry::{LOG_VARIABLE, LogFilter},
};

/// An Oblivious HTTP gateway (RFC 9458): it knows what is asked, and never who asks
///
/// Takes encrypted requests from relays, opens them, asks the one origin behind it, and sends the answer back encrypted
/// and padded. The relay cannot read either; the gateway sees relays and no clients.
#[derive(Debug, Parser)]
#[command(
    name = "restante-gateway",
    version,
    propagate_version = true,
    max_term_width = 80,
    after_long_help = "\
Examples:
  restante-gateway config example > gateway.toml    begin a configuration
  restante-gateway serve --config gateway.toml      serve; the first start makes
                                                    the keys
  curl https://HOST/.well-known/ohttp-gateway       the list that clients get

Exit status: 0 done, 1 failed while running, 2 wrong usage,
78 wrong configuration."
)]
pub(crate) struct Arguments {
    /// What to log: a level, or levels for parts of the gateway
    ///
    /// A level (off, error, warn, info, debug, trace). Logs go to standard error: text on a terminal, JSON otherwise. No
    /// level ever shows keys, tokens, addresses, relays or content, and there is no line for a request.
    #[arg(long, global = true, env = LOG_VARIABLE, hide_env_values = true, value_name = "FILTER", default_value = "info")]
    pub(crate) log: LogFilter,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve, until SIGTERM or SIGINT
    ///
    /// Prints `listening <table> <address>` on standard output for each listener that is ready, so that port 0 can be
    /// configured. SIGTERM or SIGINT: no new connections, requests that are being served finish (at most
    /// limits.drain_seconds); a second signal ends the process at once. SIGHUP: certificates, [export] and keys are read
    /// again; a part with which something is wrong stays as it was.
    ///
    /// One process serves with a keyring. Each knows only the copies of requests that it has answered itself: on several
    /// machines with one keyring, a copy of a request would be answered once by each.
    #[command(after_long_help = "\
Examples:
  restante-gateway serve --config /etc/restante/gateway.toml
  restante-gateway serve --config gateway.toml \\
      --set gateway.listen=127.0.0.1:0 --log debug")]
    Serve(Configured),

    /// Check or begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Look at the keys, or change them
    ///
    /// A gateway replaces its keys by itself, by the schedule in [keys]. These commands are for looking, and for the day
    /// on which a key must go. A running gateway takes what they changed within a minute, or at once on SIGHUP.
    #[command(subcommand)]
    Keys(KeysCommand),

    /// Write man pages and shell completions, as packages install them
    #[command(
        hide = true,
        after_long_help = "\
Example:
  restante-gateway write-manual manual"
    )]
    WriteManual(Manual),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration, without serving
    ///
    /// Reads all layers, checks names, addresses, certificates and files, and prints every problem with its place.
    /// Opens no socket and no keyring. Exit status 78 if there is a problem.
    #[command(after_long_help = "\
Example:
  restante-gateway config check --config /etc/restante/gateway.toml")]
    Check(Configured),

    /// Print a sample file with every setting and its default
    #[command(after_long_help = "\
Example:
  restante-gateway config example > gateway.toml")]
    Example,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// Make the keyring and its first keys, and print the list
    ///
    /// The first start of `serve` does the same. Fails if there is a keyring.
    #[command(after_long_help = "\
Example:
  restante-gateway keys init --config gateway.toml")]
    Init(Configured),

    /// Print the keys, their times, and the SHA-256 of the published list
    ///
    /// Whoever compares that hash with what a relay's public log says knows that the relay hands out this list.
    /// Changes nothing, also when the schedule has something to do.
    #[command(after_long_help = "\
Example:
  restante-gateway keys list --config gateway.toml")]
    List(Configured),

    /// Publish successors now, ahead of the schedule
    ///
    /// One for each kind of key that is offered, or for the one that --kem names. They come into use after
    /// keys.publish_ahead_hours, like any other. Fails while two keys of a kind are live. Relays take a list that
    /// changed less than twelve hours after its last change only when those have passed, and until then clients get
    /// nothing; standard error says how long that takes otherwise.
    #[command(after_long_help = "\
Examples:
  restante-gateway keys rotate --config gateway.toml
  restante-gateway keys rotate --config gateway.toml --kem x-wing")]
    Rotate(Rotate),

    /// Use a key no more, from now on, as after a break-in
    ///
    /// A running gateway refuses requests to it within a minute, or at once on SIGHUP. Its successor is used at once,
    /// and one is made if there is none. Clients get on with that when their relay has the new list: after
    /// limits.list_max_age_seconds at most, but not before the list's last change is twelve hours ago, which relays and
    /// clients ask for. The key is out of the keyring's file; copies that backups or the medium keep of the file before
    /// are sealed with the seal key. Asks before.
    #[command(after_long_help = "\
Examples:
  restante-gateway keys retire --config gateway.toml 17
  restante-gateway keys retire --config gateway.toml 17 --yes   in a script")]
    Retire(Retire),
}

impl KeysCommand {
    pub(crate) fn configured(&self) -> &Configured {
        match self {
            Self::Init(configured) | Self::List(configured) => configured,
            Self::Rotate(rotate) => &rotate.configured,
            Self::Retire(retire) => &retire.configured,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// One kind of key alone: x25519, which every client knows, or x-wing, X25519 and ML-KEM-768 together
    #[arg(long, value_name = "KEM")]
    pub(crate) kem: Option<Kem>,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    #[command(flatten)]
    pub(crate) configured: Configured,

    /// The key's id, as `restante-gateway keys list` prints it
    #[arg(value_name = "ID")]
    pub(crate) key_id: u8,

    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Configured {
    /// The configuration file (TOML)
    ///
    /// Relative paths in it start at its folder. Environment variables named RESTANTE_GATEWAY_<TABLE>__<KEY>, with two
    /// underscores in the middle, stand above the file, as in RESTANTE_GATEWAY_ADMIN__LISTEN=127.0.0.1:9292.
    #[arg(long, env = "RESTANTE_GATEWAY_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// A setting that stands above file and environment; may be repeated
    #[arg(long, value_name = "TABLE.KEY=VALUE")]
    pub(crate) set: Vec<Setting>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use restante_process::too_wide;

    use super::*;

    #[test]
    fn every_command_explains_itself_with_an_example() {
        fn check(command: &clap::Command) {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "{} {}", command.get_name(), argument.get_id());
            }
            let examples = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
            for line in examples.lines() {
                assert!(line.chars().count() <= 80, "a terminal would break this line: {line}");
            }
            if command.has_subcommands() {
                command.get_subcommands().for_each(check);
            } else {
                assert!(
                    examples.contains("Example") && examples.contains("restante-gateway "),
                    "{}",
                    command.get_name()
                );
            }
        }
        Arguments::command().debug_assert();
        check(&Arguments::command());
    }

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        assert_eq!(too_wide(Arguments::command()), [""; 0]);
    }

    #[test]
    fn wrong_usage_is_recognised_before_anything_runs() {
        for words in [
            &["restante-gateway"][..],
            &["restante-gateway", "keys"],
            &["restante-gateway", "keys", "retire", "--config", "a.toml", "256"],
            &["restante-gateway", "keys", "rotate", "--config", "a.toml", "--kem", "p256"],
            &["restante-gateway", "serve", "--config", "a.toml", "--set", "gateway.listen"],
            &["restante-gateway", "serve", "--config", "a.toml", "--log", "hyper=trace"],
        ] {
            assert_eq!(Arguments::try_parse_from(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
