//! The command line: its words, and nothing that acts on them.

mod backup;
mod bans;
mod db;
mod fetch_key_packages;
mod forks;
mod key_packages;
mod keys;
mod reports;
mod retention;
mod tokens;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use restante::wire::ServiceProviderId;
use restante_process::{
    Manual,
    config::Setting,
    telemetry::{LOG_VARIABLE, LogFilter},
};

pub(crate) use backup::{BackupCommand, ChosenBackup, RestoredBackup};
pub(crate) use bans::{BansCommand, Whom};
pub(crate) use db::DbCommand;
pub(crate) use fetch_key_packages::{FetchKeyPackages, Token, User};
pub(crate) use forks::{ChosenBranch, Drawing, ForksCommand, ListForks, ShowForks, TerminateBranch};
pub(crate) use key_packages::KeyPackagesCommand;
pub(crate) use keys::KeysCommand;
pub(crate) use reports::ReportsCommand;
pub(crate) use retention::RetentionCommand;
pub(crate) use tokens::TokensCommand;

/// Version and commit. The variables here and below come from build.rs.
pub(crate) const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("RESTANTE_COMMIT"));
const LONG_VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), env!("RESTANTE_COMMIT"), "\n", env!("RESTANTE_ENGINES"));

/// A delivery service for MLS groups: it puts their encrypted messages in order, keeps them and hands them out.
///
/// One process is one provider: it hosts groups (as their hub) and follows groups that other providers host. Its
/// users' service talks to it on the local listener, other providers on the provider listener.
#[derive(Debug, Parser)]
#[command(
    name = "restante",
    version = VERSION,
    long_version = LONG_VERSION,
    propagate_version = true,
    max_term_width = 80,
    after_long_help = "\
Examples:
  restante demo                         see what it does; nothing to configure
  restante config example > hub.toml    begin a configuration
  restante dev-pki pki hub.example      certificates to try it out
  restante serve --config hub.toml      serve

Exit status: 0 done, 1 failed while running, 2 wrong usage,
78 wrong configuration."
)]
pub(crate) struct Arguments {
    /// What to log: a level, or levels for parts of restante
    ///
    /// A level (off, error, warn, info, debug, trace), or levels for parts, as in `warn,restante::store=debug`. Logs
    /// go to standard error: text on a terminal, JSON otherwise. No level ever shows ids, keys, tokens, addresses or
    /// payload, and other crates' logs are never shown.
    #[arg(long, global = true, env = LOG_VARIABLE, hide_env_values = true, value_name = "FILTER", default_value = "info")]
    pub(crate) log: LogFilter,

    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve, until SIGTERM or SIGINT
    ///
    /// Prints `listening <table> <address>` on standard output for each listener that is ready, so that port 0 can
    /// be configured. SIGTERM or SIGINT: no new connections, waiting receives are answered with what there is,
    /// requests that are being served finish (at most limits.drain_seconds); a second signal ends the process at once.
    /// SIGHUP: the configuration is read again; what of it can be changed without a restart is, or nothing if something
    /// is wrong with it.
    #[command(after_long_help = "\
Examples:
  restante serve --config /etc/restante/hub.toml
  restante serve --config hub.toml --set local.listen=127.0.0.1:0 --log debug")]
    Serve(Configured),

    /// Check or begin a configuration
    #[command(subcommand)]
    Config(ConfigCommand),

    /// Make a private authority and provider certificates, for trying things out
    ///
    /// Writes DIR/ca.pem, DIR/ca-key.pem and, for each ID, DIR/ID/cert.pem and DIR/ID/key.pem. A later call with the
    /// same DIR uses the same authority. Certificates are valid for a year. Not for production: whoever can read DIR
    /// can be any provider.
    #[command(after_long_help = "\
Example:
  restante dev-pki pki hub.example follower.example")]
    DevPki(DevPki),

    /// Make, list and revoke the tokens that open users' KeyPackages
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    Tokens(TokensCommand),

    /// Delete users' KeyPackages
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    KeyPackages(KeyPackagesCommand),

    /// Ban or mute users, and block providers
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    Bans(BansCommand),

    /// Look at what was reported of other providers
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    Reports(ReportsCommand),

    /// See what was removed because its time was over, or have it looked for now
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    Retention(RetentionCommand),

    /// Make backups, look at them, and put one back
    #[command(subcommand)]
    Backup(BackupCommand),

    /// Look at the database of a server that is stopped
    #[command(subcommand)]
    Db(DbCommand),

    /// See which groups have forked, and end a branch that does harm
    ///
    /// Asks the running server through its local listener.
    #[command(subcommand)]
    Forks(ForksCommand),

    /// Look at the gateway's keys, or change them
    ///
    /// The server replaces its keys by itself. These commands are for looking, and for the day on which a key must go. A
    /// running server takes what they changed within a minute.
    #[command(subcommand)]
    Keys(KeysCommand),

    /// Fetch KeyPackages of people at another provider, without telling it who asks
    ///
    /// Goes through a relay that another operator runs, as a rule your own provider (Oblivious HTTP, RFC 9458). The relay
    /// learns that you ask that provider, not about whom; the provider learns about whom, not that it is you. The
    /// provider's key is taken only when its own list and the relay's copy are the same, and stand in the relay's public
    /// log. All users are asked for in one request: the provider sees that they belong together.
    ///
    /// One-time KeyPackages are used up by this: the provider gives each of them once, and what is not kept from the
    /// output is lost. Nothing is sent twice.
    #[command(after_long_help = "\
Examples:
  restante fetch-key-packages --relay https://relay.hub.example \\
      --relay-token-file relay.token --provider follower.example \\
      --user bob --token-file bob.token --output key-packages
  restante fetch-key-packages --relay https://relay.hub.example \\
      --relay-token-file relay.token --provider follower.example \\
      --user bob --user base64:Y2Fyb2w= --token-file tokens --json \\
      --key-log-file ~/.restante-key-logs
  pass show bob | restante fetch-key-packages … --user bob --token-file -

Prints `USER ok KEYPACKAGE` for each KeyPackage: in base64, or with --output the
file that it was written to. `USER STATUS` stands for a user without any,
`USER invalid NUMBER` for those that were left out. What the relay's log said
goes to standard error. With --json, an object for each user:
  {\"user\": as given, \"status\": STATUS, \"key_packages\": [base64],
   \"invalid\": NUMBER}, with --output also \"files\": [path]

STATUS:
  ok            one KeyPackage for each client of the user; invalid ones are
                left out and counted
  denied        wrong or revoked token, unknown user or blocked: the provider
                does not say which
  exhausted     no KeyPackage is left
  incompatible  none of this cipher suite

Exit status: 0 at least one KeyPackage for every user, 1 not so, or no answer,
2 wrong usage.")]
    FetchKeyPackages(Box<FetchKeyPackages>),

    /// See what it does: three providers, a relay and real MLS clients on this machine
    ///
    /// Starts hub.example, follower.example, third.example and a relay as processes on loopback, each with its own folder
    /// and TLS identity, and runs MLS clients through them: KeyPackages that are fetched without telling who asks, groups,
    /// commits, races, users who slept, removed members, a hub that is killed, a member who splits the group on purpose.
    /// Tells what happens, and what the hub, the relay and the gateway could see. Needs restante-relay beside restante.
    /// Exit status 1 if a check fails.
    #[command(after_long_help = "\
Examples:
  restante demo
  restante demo --keep /tmp/restante-demo         look at the files afterwards")]
    Demo(Demo),

    /// Write man pages and shell completions, as packages install them
    #[command(
        hide = true,
        after_long_help = "\
Example:
  restante write-manual manual"
    )]
    WriteManual(Manual),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with a configuration, without serving
    ///
    /// Reads all layers, checks names, addresses, certificates and files, and prints every problem with its place.
    /// Opens no socket and no database. Exit status 78 if there is a problem.
    #[command(after_long_help = "\
Example:
  restante config check --config /etc/restante/hub.toml")]
    Check(Configured),

    /// Print a sample file with every setting and its default
    #[command(after_long_help = "\
Example:
  restante config example > hub.toml")]
    Example,
}

/// Where the configuration comes from.
#[derive(Debug, Args)]
pub(crate) struct Configured {
    /// The configuration file (TOML)
    ///
    /// Relative paths in it start at its folder. Environment variables named RESTANTE_<TABLE>__<KEY>, with two
    /// underscores in the middle, stand above the file, as in RESTANTE_LOCAL__LISTEN=127.0.0.1:9090.
    #[arg(long, env = "RESTANTE_CONFIG", hide_env_values = true, value_name = "FILE")]
    pub(crate) config: PathBuf,

    /// A setting that stands above file and environment; may be repeated
    #[arg(long, value_name = "TABLE.KEY=VALUE")]
    pub(crate) set: Vec<Setting>,
}

#[derive(Debug, Args)]
pub(crate) struct DevPki {
    /// The folder, made if it does not exist
    pub(crate) dir: PathBuf,

    /// The ids of the providers: lower-case domain names, such as hub.example
    #[arg(required = true, value_name = "ID")]
    pub(crate) ids: Vec<ServiceProviderId>,

    /// Replace certificates and keys that exist; the authority stays
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Keep configurations, certificates, databases and logs in this folder, new or empty, instead of a temporary one
    #[arg(long, value_name = "DIR")]
    pub(crate) keep: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use restante_process::too_wide;

    use super::*;

    const TAG: &str = "000102030405060708090a0b0c0d0e0f";

    #[test]
    fn the_words_fit_together() {
        Arguments::command().debug_assert();
    }

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
                assert!(examples.contains("Example") && examples.contains("restante "), "{}", command.get_name());
            }
        }
        check(&Arguments::command());
    }

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        assert_eq!(too_wide(Arguments::command()), [""; 0]);
    }

    #[test]
    fn wrong_usage_is_recognised_before_anything_runs() {
        for words in [
            &["restante"][..],
            &["restante", "dev-pki", "pki"],
            &["restante", "dev-pki", "pki", "../hub.example"],
            &["restante", "demo", "--log", "hyper=trace"],
            &["restante", "fetch-key-packages", "--relay", "http://relay.test"],
            &["restante", "serve", "--config", "a.toml", "--set", "local.listen"],
            &["restante", "bans", "add", "--config", "a.toml"],
            &["restante", "bans", "add", "--config", "a.toml", "--mute", "--identity", "mimi://a.example/u/b"],
            &["restante", "bans", "add", "--config", "a.toml", "--mute", "--provider", "a.example"],
            &["restante", "bans", "add", "--config", "a.toml", "--user", "b", "--identity", "b"],
            &["restante", "bans", "remove", "--config", "a.toml"],
            &["restante", "bans", "remove", "--config", "a.toml", "--tag", "1f0c"],
            &["restante", "bans", "remove", "--config", "a.toml", "--user", "b", "--tag", TAG],
            &["restante", "bans", "add", "--config", "a.toml", "--tag", TAG],
        ] {
            assert_eq!(Arguments::try_parse_from(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
        for words in [&["--tag", TAG][..], &["--tag", TAG, "--provider", "a.example"], &["--provider", "a.example"]] {
            let words = [&["restante", "bans", "remove", "--config", "a.toml"][..], words].concat();
            assert!(Arguments::try_parse_from(&words).is_ok(), "{words:?}");
        }
    }
}
