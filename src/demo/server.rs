//! A process that the demo started: a provider, or the relay.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File},
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::Failure;

/// How long a process may take until it listens.
const START_MAX: Duration = Duration::from_secs(20);
/// How long a command of the operator may take.
const OPERATE_MAX: Duration = Duration::from_secs(20);
/// How long a killed process may take to be gone.
const END_MAX: Duration = Duration::from_secs(10);
/// Somebody else may hold one of the ports for a moment: they were free when they were chosen.
const START_ATTEMPTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_millis(300);

/// A program that serves from its own folder. Its process ends with it.
pub(super) struct Server {
    /// As the narration names it.
    pub(super) name: &'static str,
    /// What is started, as `serve`.
    pub(super) program: PathBuf,
    /// Where its log goes.
    pub(super) folder: PathBuf,
    /// Its configuration, in that folder.
    pub(super) configuration: &'static str,
    /// The tables of its listeners.
    pub(super) listeners: Vec<&'static str>,
    pub(super) process: Option<Process>,
}

pub(super) struct Process {
    child: Child,
    /// Kept open: whoever closes it takes the process's standard output away.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Server {
    /// Everything that its processes have logged.
    ///
    /// # Errors
    /// When there is no log.
    pub(super) fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.folder.join("log"))
    }

    /// Starts its process and waits until its listeners are there.
    ///
    /// # Errors
    /// When it ends or is silent instead, with the last line of its log.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        let mut attempt = 1;
        while let Some(status) = self.try_start().await? {
            if attempt == START_ATTEMPTS {
                let log = self.log().unwrap_or_default();
                let last = log.lines().last().unwrap_or("its log is empty");
                return Err(format!("{} ended at once ({status}): {last}", self.name).into());
            }
            attempt += 1;
            tokio::time::sleep(START_PAUSE).await;
        }
        Ok(())
    }

    /// Starts it once. The exit status when it ended before it listened.
    async fn try_start(&mut self) -> Result<Option<ExitStatus>, Failure> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let mut command = Command::new(&self.program);
        // The most that an operator can ask the log for: what is not in there is in no log.
        command.args(["--log", "trace", "serve", "--config"]).arg(self.folder.join(self.configuration));
        without_settings(&mut command);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.name))?;
        let stdout = child.stdout.take().ok_or("no pipe to the process")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            let mut waiting = self.listeners.clone();
            while !waiting.is_empty() {
                let Some(line) = lines.next_line().await? else { return Ok(false) };
                let listening = line.strip_prefix("listening ").and_then(|rest| rest.split(' ').next());
                waiting.retain(|table| Some(*table) != listening);
            }
            Ok::<_, io::Error>(true)
        };
        match timeout(START_MAX, ready).await {
            Ok(Ok(true)) => {
                self.process = Some(Process { child, _stdout: lines });
                Ok(None)
            }
            Ok(Ok(false)) => Ok(Some(timeout(END_MAX, child.wait()).await??)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(format!("{} did not listen within {} seconds", self.name, START_MAX.as_secs()).into()),
        }
    }

    /// Runs the program beside it, as an operator does at a terminal, with the configuration that is served. What it
    /// prints.
    ///
    /// # Errors
    /// When it fails, with what it says, or takes too long.
    pub(super) async fn operate(&self, words: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(&self.program);
        command.args(words).arg("--config").arg(self.folder.join(self.configuration));
        without_settings(&mut command);
        let output = timeout(OPERATE_MAX, command.stdin(Stdio::null()).kill_on_drop(true).output()).await??;
        if !output.status.success() {
            return Err(format!("{} refused: {}", self.name, String::from_utf8_lossy(&output.stderr)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Ends its process the hard way, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        let Some(Process { mut child, .. }) = self.process.take() else { return Ok(()) };
        child.start_kill()?;
        timeout(END_MAX, child.wait()).await.map_err(|_| format!("{} does not end", self.name))??;
        Ok(())
    }
}

/// Settings for a server of whoever watches the demo are not for these.
fn without_settings(command: &mut Command) {
    let settings = env::vars_os().map(|(name, _)| name).filter(|name| is_setting(name));
    settings.for_each(|name| _ = command.env_remove(name));
}

fn is_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"RESTANTE_")
}
