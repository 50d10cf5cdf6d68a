//! A running `restante`, held by the test that started it.

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

/// No process takes longer to listen, or to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_restante");

/// A program of another package: cargo tells the path of a program to the tests of its own package only.
pub(crate) fn beside(name: &str) -> PathBuf {
    let program = PathBuf::from(PROGRAM).with_file_name(name);
    assert!(program.exists(), "{} is missing: run `cargo xtask test`, or `cargo build -p {name}`", program.display());
    program
}

/// A process; killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    /// Everything that it printed.
    pub(crate) printed: Vec<String>,
    log: PathBuf,
}

impl Process {
    /// Runs the program with these arguments; what it logs goes behind what is in the file.
    pub(crate) fn start(arguments: &[&OsStr], log: &Path) -> Self {
        Self::start_in_shell("", arguments, log)
    }

    /// The same behind some shell, such as a `ulimit`.
    pub(crate) fn start_in_shell(prologue: &str, arguments: &[&OsStr], log: &Path) -> Self {
        Self::start_program(PROGRAM.as_ref(), prologue, arguments, log)
    }

    /// The same with another program.
    pub(crate) fn start_program(program: &Path, prologue: &str, arguments: &[&OsStr], log: &Path) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{prologue} exec \"$@\"")).arg("sh").arg(program).args(arguments);
        // No setting of whoever runs the tests is one of the process.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
            command.env_remove(name);
        }
        let file = File::options().create(true).append(true).open(log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, stdout, printed: Vec::new(), log: log.to_owned() }
    }

    /// The next line that it prints; `None` when it prints no more.
    async fn line(&mut self) -> Option<String> {
        let line = tokio::time::timeout(PATIENCE, self.stdout.next_line()).await.expect("a line in time").unwrap();
        self.printed.extend(line.clone());
        line
    }

    /// What it listens on, once it says so: `listening <table> <address>`.
    pub(crate) async fn listening(&mut self, table: &str) -> String {
        let address = self.listening_or_ended(table).await;
        address.unwrap_or_else(|| panic!("it ended instead of listening: {}", self.logged()))
    }

    /// The same; nothing if it ends instead.
    pub(crate) async fn listening_or_ended(&mut self, table: &str) -> Option<String> {
        let prefix = format!("listening {table} ");
        if let Some(address) = self.printed.iter().find_map(|line| line.strip_prefix(&prefix)) {
            return Some(address.to_owned());
        }
        while let Some(line) = self.line().await {
            if let Some(address) = line.strip_prefix(&prefix) {
                return Some(address.to_owned());
            }
        }
        None
    }

    pub(crate) async fn listening_tcp(&mut self, table: &str) -> SocketAddr {
        self.listening(table).await.parse().unwrap()
    }

    /// What it has logged so far.
    pub(crate) fn logged(&self) -> String {
        String::from_utf8(std::fs::read(&self.log).unwrap()).unwrap()
    }

    pub(crate) async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// `SIGHUP`, whatever comes of it.
    pub(crate) async fn hang_up(&self) {
        self.signal("HUP").await;
    }

    /// `SIGHUP`, and waits until it has been acted on.
    pub(crate) async fn reload(&self) {
        let before = self.logged().matches("\"reloaded\"").count();
        self.hang_up().await;
        self.has_logged("\"reloaded\"", before + 1).await;
    }

    /// Its number among the system's processes.
    pub(crate) fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// A signal, by the shell, which needs no package to be installed.
    async fn signal(&self, name: &str) {
        let id = self.id();
        let status = Command::new("sh").arg("-c").arg(format!("kill -{name} {id}")).status().await.unwrap();
        assert!(status.success());
    }

    /// Waits until a text is in the log so many times.
    pub(crate) async fn has_logged(&self, text: &str, times: usize) {
        let logged = async {
            // A file tells nobody that it has grown.
            while self.logged().matches(text).count() < times {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, logged).await.unwrap_or_else(|_| panic!("no `{text}`: {}", self.logged()));
    }

    /// `SIGKILL`, and waits until it is gone.
    pub(crate) async fn kill(&mut self) {
        self.child.start_kill().unwrap();
        let status = self.ended().await;
        assert!(status.code().is_none(), "killed, not ended: {status}");
    }

    /// Waits for its end, and reads what it printed until then.
    pub(crate) async fn ended(&mut self) -> ExitStatus {
        while self.line().await.is_some() {}
        tokio::time::timeout(PATIENCE, self.child.wait()).await.expect("it ends in time").unwrap()
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

/// Runs `restante` to its end.
pub(crate) async fn run<S: AsRef<std::ffi::OsStr>>(arguments: &[S]) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    let output = command.args(arguments).stdin(Stdio::null()).kill_on_drop(true).output();
    tokio::time::timeout(PATIENCE, output).await.expect("it ends in time").unwrap()
}
