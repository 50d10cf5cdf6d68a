//! A program that runs, and may end by itself.

use std::{
    ffi::OsStr,
    fs::File,
    net::SocketAddr,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::process::PATIENCE;

/// What `kill -9` leaves.
pub(crate) const KILLED: i32 = 9;

/// How the program is to be harmed from inside.
#[derive(Clone, Debug, Default)]
pub(crate) struct Harm {
    /// Where it ends: a point and a passing.
    pub(crate) point: Option<String>,
    /// By how much its clock is ahead.
    pub(crate) ahead: Duration,
}

impl Harm {
    fn apply(&self, command: &mut Command) {
        for (name, _) in std::env::vars_os() {
            if ["RESTANTE_", "FAULTS_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        if let Some(point) = &self.point {
            command.env(restante_faults::POINT, point);
        }
        command.env(restante_faults::CLOCK_AHEAD_MS, self.ahead.as_millis().to_string());
    }
}

/// One life of a program. Killed when it is dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    printed: Vec<String>,
}

impl Running {
    pub(crate) fn start(program: &Path, arguments: &[&OsStr], harm: &Harm, log: &Path) -> Self {
        Self::start_with(program, arguments, &[], harm, log)
    }

    fn start_with(program: &Path, arguments: &[&OsStr], variables: &[(&str, &OsStr)], harm: &Harm, log: &Path) -> Self {
        let mut command = Command::new(program);
        harm.apply(&mut command);
        command.envs(variables.iter().copied());
        let log = File::options().create(true).append(true).open(log).unwrap();
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout, printed: Vec::new() }
    }

    /// A test of this program, as a program of its own.
    pub(crate) fn start_self(test: &str, variables: &[(&str, &OsStr)], harm: &Harm, log: &Path) -> Self {
        let program = std::env::current_exe().unwrap();
        let words = ["--ignored", "--exact", test, "--nocapture"].map(OsStr::new);
        Self::start_with(&program, &words, variables, harm, log)
    }

    /// Where it listens, once it says so; nothing if it has ended before.
    pub(crate) async fn listening(&mut self, table: &str) -> Option<SocketAddr> {
        let prefix = format!("listening {table} ");
        loop {
            if let Some(address) = self.printed.iter().find_map(|line| line.strip_prefix(&prefix)) {
                return Some(address.parse().unwrap());
            }
            let line = timeout(PATIENCE, self.stdout.next_line()).await.expect("a line in time").unwrap();
            self.printed.push(line?);
        }
    }

    /// `kill -9`. Whether it was still there.
    pub(crate) async fn kill(&mut self) -> bool {
        let was_there = self.child.try_wait().unwrap().is_none();
        if was_there {
            self.child.start_kill().unwrap();
        }
        self.ended().await;
        was_there
    }

    /// How it has ended, when it has.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        self.child.wait().await.unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Asks it to end, and waits for that.
    pub(crate) async fn terminate(&mut self) -> ExitStatus {
        let id = self.child.id().expect("it runs").to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        timeout(PATIENCE, self.ended()).await.expect("it ends in time")
    }
}

/// Whether a program was killed, by whomever.
pub(crate) fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(KILLED)
}

/// Runs a command to its end.
pub(crate) async fn run(program: &Path, arguments: &[&OsStr], harm: &Harm) -> Output {
    let mut command = Command::new(program);
    harm.apply(&mut command);
    let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    timeout(PATIENCE, output).await.expect("it ends in time").unwrap()
}
