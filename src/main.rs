//! The program: arguments, configuration, telemetry, serve, drain; nothing else.
//!
//! Exit status: 0 done, 1 failed while running, 2 wrong usage, 78 wrong configuration. Only this file reads the clock
//! for checks of certificates.
//!
//! # Privacy
//! Problems of a configuration name paths and ids. They are printed for whoever started the process, and never logged.

mod backup;
mod bans;
mod branches;
mod cli;
mod date;
mod db;
mod fetch_key_packages;
mod key_packages;
mod keys;
mod local_service;
mod reports;
mod retention;
mod tokens;

use std::{
    env, io,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::{CommandFactory, Parser};
use cli::{Arguments, Command, ConfigCommand, Configured};
use local_service::{NoLocalListener, with_address};
use restante::{
    config::{self, Config, Problems, Sources},
    demo,
    dev_pki::{self, Existing},
    server,
};
use restante_process::{
    Ended, Ends, Exit, Signals, Supervisor, block_on,
    console::{announce, complain, is_unread, say},
    forbid_core_dumps, on_runtime, raise_open_files, telemetry, until_drained,
};

const NO_RUNTIME: &str = "no runtime";
const NO_SIGNALS: &str = "signals cannot be handled";

/// Many small pieces on many threads, in RocksDB as in Rust: what the system's allocator takes longer for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    forbid_core_dumps();
    let arguments = Arguments::parse();
    run(arguments).unwrap_or_else(|error| failed(&error)).end()
}

/// Says what failed, unless nobody reads on.
fn failed(error: &anyhow::Error) -> Exit {
    if is_unread(error.as_ref()) {
        return Exit::Failed;
    }
    complain(&format!("restante: {error:#}"));
    if error.is::<NoLocalListener>() { Exit::WrongConfiguration } else { Exit::Failed }
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Serve(configured) => {
            let Some(config) = load_to_serve(&configured) else { return Ok(Exit::WrongConfiguration) };
            telemetry::install(arguments.log)?;
            raise_open_files();
            tracing::info!(version = cli::VERSION, "starting");
            config.warnings(now()).iter().for_each(|sentence| tracing::warn!("{sentence}"));
            block_on(serve(config, configured)).context(NO_RUNTIME)?
        }
        Command::WriteManual(manual) => {
            manual.write(&Arguments::command()).context("the manual cannot be written")?;
            Ok(Exit::Done)
        }
        Command::Config(ConfigCommand::Check(configured)) => {
            let Some(config) = load_to_serve(&configured) else { return Ok(Exit::WrongConfiguration) };
            config.warnings(now()).iter().for_each(|sentence| complain(&format!("warning: {sentence}")));
            say("the configuration is fine")?;
            Ok(Exit::Done)
        }
        Command::Config(ConfigCommand::Example) => {
            say(config::EXAMPLE.trim_end())?;
            Ok(Exit::Done)
        }
        Command::DevPki(options) => {
            let existing = if options.force { Existing::Replace } else { Existing::Refuse };
            let issued = dev_pki::issue(&options.dir, &options.ids, existing, now())?;
            let age = if issued.ca_is_new { "new authority" } else { "authority that was there" };
            say(&format!("{} ({age})", issued.ca_file.display()))?;
            for provider in issued.providers {
                say(&format!("{}\n{}", provider.cert_file.display(), provider.key_file.display()))?;
            }
            Ok(Exit::Done)
        }
        Command::Tokens(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, tokens::run(&command, &config))?)
        }
        Command::KeyPackages(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, key_packages::run(&command, &config))?)
        }
        Command::Bans(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, bans::run(&command, &config))?)
        }
        Command::Reports(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, reports::run(&command, &config))?)
        }
        Command::Retention(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, retention::run(&command, &config))?)
        }
        Command::Backup(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, backup::run(&command, &config))?)
        }
        Command::Db(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&db::run(&command, &config)?)
        }
        Command::Forks(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&asked(&config, branches::run(&command, &config))?)
        }
        Command::Keys(command) => {
            let Some(config) = load(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            say_all(&keys::run(&command, &config)?)
        }
        Command::FetchKeyPackages(options) => {
            telemetry::install(arguments.log)?;
            fetch_key_packages::run(&options, now)
        }
        Command::Demo(options) => {
            telemetry::install(arguments.log)?;
            block_on(demo(options)).context(NO_RUNTIME)?
        }
    }
}

/// Runs a command that asks the server of this configuration.
fn asked<T>(config: &Config, asking: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let asked = block_on(asking).context(NO_RUNTIME)?;
    asked.map_err(|error| match &config.local {
        Some(local) => with_address(error, &local.listen),
        None => error,
    })
}

fn say_all(lines: &[String]) -> anyhow::Result<Exit> {
    lines.iter().try_for_each(|line| say(line))?;
    Ok(Exit::Done)
}

/// The configuration for a command that asks the server, or `None` when its problems were printed.
fn load(configured: &Configured) -> Option<Config> {
    told(read(configured))
}

/// The same for whoever serves, or wants to know whether that would do.
fn load_to_serve(configured: &Configured) -> Option<Config> {
    told(Config::load_to_serve(&Sources::of_process(&configured.config, &configured.set), now()))
}

fn read(configured: &Configured) -> Result<Config, Problems> {
    Config::load(&Sources::of_process(&configured.config, &configured.set), now())
}

fn told(loaded: Result<Config, Problems>) -> Option<Config> {
    loaded.map_err(|problems| complain(&problems.to_string())).ok()
}

/// Serves until a signal asks for the end, then until requests that are being served are answered: at most
/// `limits.drain_seconds`, or until a second signal. SIGHUP has the configuration read again.
async fn serve(config: Config, configured: Configured) -> anyhow::Result<Exit> {
    let Signals { mut ends, reloads } = Signals::install().context(NO_SIGNALS)?;
    let drain = Duration::from_secs(config.limits.drain_seconds.into());
    // A disk for backups that has failed since the start must not keep new certificates out.
    let load: server::Load = Arc::new(move || read(&configured));
    let supervisor = Arc::new(Supervisor::of_process());
    let server = |stopping| on_runtime(server::run(config, announce, load, reloads, supervisor, stopping));
    Ok(match until_drained(server, &mut ends, drain).await? {
        Ended::Unasked | Ended::Drained => Exit::Done,
        Ended::CutShort => Exit::CutShort,
    })
}

/// Runs the demo; a failed check is a failure.
async fn demo(options: cli::Demo) -> anyhow::Result<Exit> {
    let mut ends = Ends::install().context(NO_SIGNALS)?;
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let options = demo::Options { keep: options.keep };
    let tally = demo::run(options, &program, now(), Box::new(io::stdout()), ends.next()).await?;
    Ok(if tally.failed == 0 { Exit::Done } else { Exit::Failed })
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "for what runs once; services are given a clock")]
    SystemTime::now()
}
