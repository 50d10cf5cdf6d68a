//! The program `restante-gateway`: arguments, configuration, telemetry, serve, drain; nothing else.
//!
//! It stands alone, in front of one origin. Exit status: 0 done, 1 failed while running, 2 wrong usage, 78 wrong
//! configuration.
//!
//! # Privacy
//! Problems of a configuration name paths and hosts. They are printed for whoever started the process, and never logged.

mod admin;
mod cli;
mod config;
mod forward;
mod health;
mod keys;
mod marks;
mod metrics;
mod origin;
mod relays;
mod server;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::{CommandFactory, Parser};
use cli::{Arguments, Command, ConfigCommand, Configured};
use config::{Config, EXAMPLE};
use restante_process::{
    Ended, Exit, Signals, Supervisor, block_on,
    config::{Problems, Sources},
    console::{announce, complain, is_unread, say},
    forbid_core_dumps, raise_open_files, telemetry, until_drained,
};

/// Many small pieces on many threads, in RocksDB as in Rust: what the system's allocator takes longer for.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    forbid_core_dumps();
    let arguments = Arguments::parse();
    run(arguments).unwrap_or_else(|error| failed(&error)).into()
}

/// Says what failed, unless nobody reads on.
fn failed(error: &anyhow::Error) -> Exit {
    if !is_unread(error.as_ref()) {
        complain(&format!("restante-gateway: {error:#}"));
    }
    Exit::Failed
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Serve(configured) => {
            let Some(config) = load_or_complain(&configured) else { return Ok(Exit::WrongConfiguration) };
            telemetry::install(arguments.log)?;
            raise_open_files();
            tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
            config.warnings(now()).iter().for_each(|sentence| tracing::warn!("{sentence}"));
            block_on(serve(config, configured)).context("no runtime")?
        }
        Command::Config(ConfigCommand::Check(configured)) => {
            let Some(config) = load_or_complain(&configured) else { return Ok(Exit::WrongConfiguration) };
            config.warnings(now()).iter().for_each(|sentence| complain(&format!("warning: {sentence}")));
            say("the configuration is fine")?;
            Ok(Exit::Done)
        }
        Command::Config(ConfigCommand::Example) => {
            say(EXAMPLE.trim_end())?;
            Ok(Exit::Done)
        }
        Command::WriteManual(manual) => {
            manual.write(&Arguments::command()).context("the manual cannot be written")?;
            Ok(Exit::Done)
        }
        Command::Keys(command) => {
            let Some(config) = load_or_complain(command.configured()) else { return Ok(Exit::WrongConfiguration) };
            for line in keys::run(&command, &config)? {
                say(&line)?;
            }
            Ok(Exit::Done)
        }
    }
}

fn load(configured: &Configured) -> Result<Config, Problems> {
    Config::load(&Sources::of_process(&configured.config, &configured.set), now())
}

fn load_or_complain(configured: &Configured) -> Option<Config> {
    load(configured).map_err(|problems| complain(&problems.to_string())).ok()
}

/// Serves until a signal asks for the end, then until requests that are being served are answered: at most
/// `limits.drain_seconds`, or until a second signal.
async fn serve(config: Config, configured: Configured) -> anyhow::Result<Exit> {
    let Signals { mut ends, mut reloads } = Signals::install().context("signals cannot be handled")?;
    let drain = Duration::from_secs(config.limits.drain_seconds.into());
    let mut announce = announce;
    let reload = || load(&configured);
    let surroundings =
        server::Terminal { announce: &mut announce, load: &reload, supervisor: Arc::new(Supervisor::of_process()) };
    let server = |stopping| server::run(config, surroundings, &mut reloads, stopping);
    Ok(match until_drained(server, &mut ends, drain).await? {
        Ended::Unasked | Ended::Drained => Exit::Done,
        Ended::CutShort => Exit::Failed,
    })
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "checks of certificates at start; the gateway is given a clock")]
    SystemTime::now()
}
