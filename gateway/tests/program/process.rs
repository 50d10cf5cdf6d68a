//! A running `restante-gateway`, held by the test that started it.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

/// Nothing here takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A process; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    log: PathBuf,
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_restante-gateway"));
    // No setting of whoever runs the tests is one of the process.
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    command.args(arguments).stdin(Stdio::null());
    command
}

/// Runs the program to its end.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    tokio::time::timeout(PATIENCE, command(arguments).kill_on_drop(true).output())
        .await
        .expect("an end in time")
        .unwrap()
}

impl Process {
    pub(crate) fn start(arguments: &[&str], log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let mut command = command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(file).kill_on_drop(true).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout, log: log.to_owned() }
    }

    /// What the next listener is at: `listening <table> <address>`.
    pub(crate) async fn listening(&mut self, table: &str) -> SocketAddr {
        let line = tokio::time::timeout(PATIENCE, self.stdout.next_line()).await.expect("a line in time").unwrap();
        let line = line.unwrap_or_else(|| panic!("it ended instead of listening: {}", self.logged()));
        line.strip_prefix(&format!("listening {table} ")).expect("the table").parse().unwrap()
    }

    pub(crate) fn logged(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until it has logged these words.
    pub(crate) async fn has_logged(&self, words: &str) {
        let logged = async {
            while !self.logged().contains(words) {
                // A file tells nobody that it has grown.
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, logged).await;
        assert!(waited.is_ok(), "{words} was not logged: {}", self.logged());
    }

    pub(crate) async fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs");
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await.unwrap();
        assert!(status.success());
    }

    pub(crate) async fn ended(&mut self) -> ExitStatus {
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("an end in time").unwrap()
    }

    /// SIGTERM, and the end that it leads to.
    pub(crate) async fn finish(&mut self) {
        self.signal("TERM").await;
        let status = self.ended().await;
        assert!(status.success(), "{status}: {}", self.logged());
    }
}
