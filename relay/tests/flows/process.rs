//! A running `restante-relay`, held by the test that started it.

use std::{
    ffi::OsStr,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Nothing that is waited for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

pub(crate) fn command(arguments: &[&OsStr]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restante-relay"));
    // No setting of whoever runs the tests is one of the process.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub(crate) async fn run(arguments: &[&OsStr]) -> Output {
    tokio::time::timeout(PATIENCE, command(arguments).output()).await.expect("it ends in time").unwrap()
}

impl Process {
    /// Serves with this configuration; what it logs goes behind what is in the file.
    pub(crate) fn serve(config: &Path, log: &Path) -> Self {
        let arguments = ["--log", "trace", "serve", "--config"].map(OsStr::new);
        let file = File::options().create(true).append(true).open(log).unwrap();
        let mut command = command(&[&arguments[..], &[config.as_os_str()]].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(file).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout, log: log.to_owned() }
    }

    /// The address of the next listener, which must be this one.
    pub(crate) async fn listening(&mut self, table: &str) -> SocketAddr {
        let line = tokio::time::timeout(PATIENCE, self.stdout.next_line()).await.expect("a line in time").unwrap();
        let Some(line) = line else { panic!("it ended instead of listening: {}", self.logged()) };
        line.strip_prefix(&format!("listening {table} ")).expect("the table").parse().unwrap()
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has logged these words so many times.
    pub(crate) async fn has_logged(&self, words: &str, times: usize) {
        let seen = async {
            while self.logged().matches(words).count() < times {
                // A file tells nobody that it has grown.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, seen).await.is_err() {
            panic!("{words} was not logged: {}", self.logged());
        }
    }

    /// Its number among the system's processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Sends a signal, by the shell, which needs no package to be installed.
    pub(crate) async fn signal(&self, name: &str) {
        let id = self.id();
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await.unwrap();
        assert!(status.success());
    }

    /// `SIGHUP`, and waits until it has been acted on.
    pub(crate) async fn reload(&self) {
        let before = self.logged().matches("\"reloaded\"").count();
        self.signal("HUP").await;
        self.has_logged("\"reloaded\"", before + 1).await;
    }

    /// `SIGKILL`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        self.ended().await;
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap()
    }
}

impl Drop for Process {
    /// Waits until it is gone: the next one may want its files.
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        for _ in 0..5000 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
