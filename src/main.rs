//! The program: arguments, configuration, telemetry, serve, drain; nothing else.
//!
//! Exit status: 0 done, 1 failed while running, 2 wrong usage, 78 wrong configuration. Only this file ends the
//! process, and only it reads the clock for checks of certificates.
//!
//! # Privacy
//! Problems of a configuration name paths and ids. They are printed for whoever started the process, and never logged.

mod cli;

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    pin::pin,
    process::ExitCode,
    time::{Duration, SystemTime},
};

use anyhow::Context;
use clap::Parser;
use cli::{Arguments, Command, ConfigCommand, Configured};
use restante::{
    config::{self, Config, Sources},
    demo,
    dev_pki::{self, Existing},
    server, telemetry,
};
use tokio::{
    runtime,
    signal::unix::{Signal, SignalKind, signal},
    sync::oneshot,
    time::sleep,
};

/// `EX_CONFIG` of sysexits.h.
const WRONG_CONFIGURATION: u8 = 78;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(arguments) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("restante: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    match arguments.command {
        Command::Serve(configured) => {
            let Some(config) = load(configured) else { return Ok(WRONG_CONFIGURATION.into()) };
            telemetry::install(arguments.log)?;
            tracing::info!(version = cli::VERSION, "starting");
            config.warnings(now()).iter().for_each(|sentence| tracing::warn!("{sentence}"));
            block_on(serve(config))
        }
        Command::Config(ConfigCommand::Check(configured)) => {
            let Some(config) = load(configured) else { return Ok(WRONG_CONFIGURATION.into()) };
            config.warnings(now()).iter().for_each(|sentence| complain(&format!("warning: {sentence}")));
            say("the configuration is fine")?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Config(ConfigCommand::Example) => {
            say(config::EXAMPLE.trim_end())?;
            Ok(ExitCode::SUCCESS)
        }
        Command::DevPki(options) => {
            let existing = if options.force { Existing::Replace } else { Existing::Refuse };
            let issued = dev_pki::issue(&options.dir, &options.ids, existing, now())?;
            let age = if issued.ca_is_new { "new authority" } else { "authority that was there" };
            say(&format!("{} ({age})", issued.ca_file.display()))?;
            for provider in issued.providers {
                say(&format!("{}\n{}", provider.cert_file.display(), provider.key_file.display()))?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Command::Demo(options) => {
            telemetry::install(arguments.log)?;
            block_on(demo(options))
        }
    }
}

/// The configuration, or `None` when its problems were printed.
fn load(configured: Configured) -> Option<Config> {
    // A variable that is not Unicode cannot be one of ours: every setting is text.
    let environment =
        env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let sources = Sources {
        file: &configured.config,
        environment: environment.collect(),
        flags: configured.set.into_iter().map(|setting| (setting.key, setting.value)).collect(),
    };
    Config::load(&sources, now()).map_err(|problems| complain(&problems.to_string())).ok()
}

/// Serves until a signal asks for the end, then until requests that are being served are answered: at most
/// `limits.drain_seconds`, or until a second signal.
async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install().context("signals cannot be handled")?;
    let drain = Duration::from_secs(config.limits.drain_seconds.into());
    let (begin_drain, drain_begins) = oneshot::channel::<()>();
    let shutdown = async move {
        // A dropped sender means the end as well.
        let _ = drain_begins.await;
    };
    let ready = |table: &str, address: &dyn Display| {
        if say(&format!("listening {table} {address}")).is_err() {
            tracing::warn!("standard output is closed: nobody reads which address a listener has");
        }
    };
    let mut server = pin!(server::run(config, ready, shutdown));
    tokio::select! {
        ended = &mut server => return ended.map(|()| ExitCode::SUCCESS).map_err(Into::into),
        () = signals.next() => {}
    }
    tracing::info!("draining");
    let _ = begin_drain.send(());
    tokio::select! {
        ended = &mut server => {
            ended?;
            tracing::info!("drained");
            return Ok(ExitCode::SUCCESS);
        }
        () = signals.next() => tracing::warn!("a second signal: ending without having drained"),
        () = sleep(drain) => tracing::warn!("limits.drain_seconds are over: ending without having drained"),
    }
    Ok(ExitCode::FAILURE)
}

/// Runs the demo; a failed check is a failure.
async fn demo(options: cli::Demo) -> anyhow::Result<ExitCode> {
    let mut signals = Signals::install().context("signals cannot be handled")?;
    let program = env::current_exe().context("this program's own file cannot be found")?;
    let options = demo::Options { keep: options.keep };
    let tally = demo::run(options, &program, now(), Box::new(io::stdout()), signals.next()).await?;
    Ok(if tally.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// SIGTERM and SIGINT, caught from here on.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn install() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// Waits for the next of either.
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs a future to its end. What it leaves behind does not hold up the end of the process.
fn block_on<T>(future: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?;
    let result = runtime.block_on(future);
    runtime.shutdown_background();
    result
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "checks of certificates at start; services are given a clock")]
    SystemTime::now()
}

/// A line on standard output.
fn say(line: &str) -> anyhow::Result<()> {
    writeln!(io::stdout(), "{line}").context("standard output")
}

/// A line on standard error, which may be closed.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "{line}");
}
