//! The command line: its words, and nothing that acts on them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use restante_process::{
    Manual,
    config::Setting,
    telemetry::{LOG_VARIABLE, LogFilter},
};
use restante_relay::TokenHash;

/// An Oblivious HTTP relay (RFC 9458): it knows who asks, and never what
///
/// Takes encrypted requests of a provider's own users to other providers' gateways, and brings the answers back. It
/// cannot open them: no part of it knows the encryption. The gateway sees requests of this relay, and not of whom.
#[derive(Debug, Parser)]
#[command(
    name = "restante-relay",
    version,
    propagate_version = true,
    max_term_width = 80,
    after_long_help = "\
Examples:
  restante-relay config example > relay.toml    begin a configuration
  restante-relay tokens mint --file relay-tokens > alice.token
                                                let a user in
  restante-relay serve --config relay.toml      serve

Exit status: 0 done, 1 failed while running, 2 wrong usage,
78 wrong configuration."
)]
pub(crate) struct Arguments {
    /// What to log: a level, or levels for parts of the relay
    ///
    /// A level (off, error, warn, info, debug, trace), or levels for parts, as in `warn,restante_relay::keys=debug`.
    /// Logs go to standard error: text on a terminal, JSON otherwise. No level ever shows tokens, addresses, providers
    /// or content, and there is no line for a request.
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
    /// configured. SIGTERM or SIGINT: no new connections, requests and tunnels that are under way finish (at most
    /// limits.drain_seconds); a second signal ends the process at once. SIGHUP: tokens, gateways, certificates and
    /// [export] are read again; if something is wrong with them, everything stays as it was.
    #[command(after_long_help = "\
Examples:
  restante-relay serve --config /etc/restante/relay.toml
  restante-relay serve --config relay.toml \\
      --set relay.listen=127.0.0.1:0 --log debug")]
    Serve(Configured),

    /// Check or begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Let users in, or take them out again
    #[command(subcommand)]
    Tokens(TokensCommand),

    /// Write man pages and shell completions, as packages install them
    #[command(
        hide = true,
        after_long_help = "\
Example:
  restante-relay write-manual manual"
    )]
    WriteManual(Manual),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration, without serving
    ///
    /// Reads all layers, checks names, addresses, certificates, files and the logs of key lists, and prints every problem
    /// with its place. Opens no socket and changes nothing; a relay may be serving. Exit status 78 if there is a problem.
    #[command(after_long_help = "\
Example:
  restante-relay config check --config /etc/restante/relay.toml")]
    Check(Configured),

    /// Print a sample file with every setting and its default
    #[command(after_long_help = "\
Example:
  restante-relay config example > relay.toml")]
    Example,
}

#[derive(Debug, Subcommand)]
pub(crate) enum TokensCommand {
    /// Make a token and print it: the only time that it can be seen
    ///
    /// The token goes to standard output, for its user. The file, made if it does not exist, gets its SHA-256, which is
    /// also the id by which the token can be revoked; the id is printed on standard error. A relay that is running
    /// takes the token after SIGHUP. If the token cannot be printed, its id is taken out again.
    #[command(after_long_help = "\
Example:
  restante-relay tokens mint --file relay-tokens > alice.token")]
    Mint(TokenFile),

    /// Print the ids of all tokens
    #[command(after_long_help = "\
Example:
  restante-relay tokens list --file relay-tokens")]
    List(TokenFile),

    /// Take a token out
    ///
    /// A relay that is running refuses it after SIGHUP.
    #[command(after_long_help = "\
Example:
  restante-relay tokens revoke --file relay-tokens \\
      2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")]
    Revoke(Revoke),
}

#[derive(Debug, Args)]
pub(crate) struct TokenFile {
    /// The file that relay.tokens_file names
    ///
    /// It is replaced whole when it changes. A link is refused: name the file that it leads to.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) file: TokenFile,

    /// The token's id, as `restante-relay tokens list` prints it
    #[arg(value_name = "ID")]
    pub(crate) id: TokenHash,
}

/// Where the configuration comes from.
#[derive(Clone, Debug, Args)]
pub(crate) struct Configured {
    /// The configuration file (TOML)
    ///
    /// Relative paths in it start at its folder. Environment variables named RESTANTE_RELAY_<TABLE>__<KEY>, with two
    /// underscores in the middle, stand above the file, as in RESTANTE_RELAY_ADMIN__LISTEN=127.0.0.1:9191.
    #[arg(long, env = "RESTANTE_RELAY_CONFIG", hide_env_values = true, value_name = "FILE")]
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
                assert!(examples.contains("Example") && examples.contains("restante-relay "), "{}", command.get_name());
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
            &["restante-relay"][..],
            &["restante-relay", "tokens", "mint"],
            &["restante-relay", "tokens", "revoke", "--file", "x", "not-an-id"],
            &["restante-relay", "serve", "--config", "a.toml", "--set", "relay.listen"],
            &["restante-relay", "serve", "--config", "a.toml", "--log", "hyper=trace"],
        ] {
            assert_eq!(Arguments::try_parse_from(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }
}
