//! The program `restante-relay`: arguments, configuration, telemetry, serve, drain; nothing else.
//!
//! Exit status: 0 done, 1 failed while running, 2 wrong usage, 78 wrong configuration.
//!
//! # Privacy
//! Problems of a configuration name paths and providers. They are printed for whoever started the process, and never
//! logged.

mod cli;

use std::{
    process::ExitCode,
    sync::Arc,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::{CommandFactory, Parser};
use cli::{Arguments, Command, ConfigCommand, Configured, Revoke, TokenFile, TokensCommand};
use restante_process::{
    Ended, Exit, Signals, Supervisor, block_on,
    config::{Problems, Sources},
    console::{announce, complain, is_unread, say},
    forbid_core_dumps, raise_open_files, telemetry, until_drained,
};
use restante_relay::{
    UserToken,
    config::{Config, EXAMPLE},
    server::{self, Surroundings},
    token_file,
};
use zeroize::Zeroizing;

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
        complain(&format!("restante-relay: {error:#}"));
    }
    Exit::Failed
}

fn run(arguments: Arguments) -> anyhow::Result<Exit> {
    match arguments.command {
        Command::Serve(configured) => {
            let Some(config) = told(load(&configured)) else { return Ok(Exit::WrongConfiguration) };
            telemetry::install(arguments.log)?;
            raise_open_files();
            tracing::info!(version = env!("CARGO_PKG_VERSION"), "starting");
            config.warnings(now()).iter().for_each(|sentence| tracing::warn!("{sentence}"));
            block_on(serve(config, configured)).context("no runtime")?
        }
        Command::Config(ConfigCommand::Check(configured)) => {
            let Some(config) = told(load(&configured)) else { return Ok(Exit::WrongConfiguration) };
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
        Command::Tokens(command) => change_tokens(command).map(|()| Exit::Done),
    }
}

fn load(configured: &Configured) -> Result<Config, Problems> {
    Config::load(&Sources::of_process(&configured.config, &configured.set), now())
}

/// The configuration, or `None` when its problems were printed.
fn told(loaded: Result<Config, Problems>) -> Option<Config> {
    loaded.map_err(|problems| complain(&problems.to_string())).ok()
}

/// Serves until a signal asks for the end, then until everything that is under way has ended: at most
/// `limits.drain_seconds`, or until a second signal.
async fn serve(config: Config, configured: Configured) -> anyhow::Result<Exit> {
    let Signals { mut ends, mut reloads } = Signals::install().context("signals cannot be handled")?;
    let drain = Duration::from_secs(config.limits.drain_seconds.into());
    let mut announce = announce;
    let load: server::Load = Arc::new(move || load(&configured));
    let supervisor = Arc::new(Supervisor::of_process());
    let surroundings = Surroundings { announce: &mut announce, load, supervisor };
    let server = |stopping| server::run(config, surroundings, &mut reloads, stopping);
    Ok(match until_drained(server, &mut ends, drain).await? {
        Ended::Unasked | Ended::Drained => Exit::Done,
        Ended::CutShort => Exit::Failed,
    })
}

fn change_tokens(command: TokensCommand) -> anyhow::Result<()> {
    match command {
        TokensCommand::Mint(TokenFile { file }) => {
            let mut bytes = Zeroizing::new([0; 32]);
            #[expect(clippy::disallowed_methods, reason = "the only place where this program needs random bytes")]
            getrandom::fill(bytes.as_mut()).context("the system gave no random bytes")?;
            let token = UserToken::of_random(bytes);
            token_file::add(&file, &token)?;
            if let Err(error) = say(token.reveal()) {
                // Nobody has it.
                let error = anyhow::Error::from(error);
                return Err(match token_file::remove(&file, token.hash()) {
                    Ok(()) => error,
                    Err(why) => error.context(format!(
                        "nobody has the token with the id {}, and it could not be taken out of the file again ({why}): \
                         `restante-relay tokens revoke` does that",
                        token.hash()
                    )),
                });
            }
            complain(&format!("its id is {}; send SIGHUP to the relay to let it in", token.hash()));
        }
        TokensCommand::List(TokenFile { file }) => {
            for hash in token_file::list(&file)? {
                say(&hash.to_string())?;
            }
        }
        TokensCommand::Revoke(Revoke { file: TokenFile { file }, id }) => {
            token_file::remove(&file, id)?;
            complain("revoked; send SIGHUP to the relay to keep it out");
        }
    }
    Ok(())
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "checks of certificates at start and reload")]
    SystemTime::now()
}
