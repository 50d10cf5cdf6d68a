//! Tests in a process of their own: this test program again, told by its environment to be the child.

use std::{
    env,
    io::{BufRead, BufReader, Lines},
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::mpsc,
    time::Duration,
};

/// No child takes longer for a line.
const PATIENCE: Duration = Duration::from_secs(30);
/// Its folder; without it a child's test has nothing to do.
const FOLDER: &str = "RESTANTE_TEST_CHILD_FOLDER";

/// The folder of this process, when it is the child.
pub(crate) fn folder() -> Option<std::path::PathBuf> {
    env::var_os(FOLDER).map(Into::into)
}

/// Lines begin with this, because the test harness prints as well.
const MARK: &str = "child: ";

/// Says something to the parent.
pub(crate) fn say(line: impl std::fmt::Display) {
    println!("\n{MARK}{line}");
}

/// A running child; killed when dropped.
pub(crate) struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    /// Runs the ignored test `name` on the folder. `prologue` is shell before the `exec`, such as a `ulimit`.
    pub(crate) fn start(name: &str, folder: &Path, prologue: &str) -> Self {
        let mut child = Command::new("sh")
            .arg("-c")
            .arg(format!("{prologue} exec \"$@\""))
            .arg("sh")
            .arg(env::current_exe().unwrap())
            .args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"])
            .env(FOLDER, folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::channel();
        let stdout: Lines<BufReader<ChildStdout>> = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            let lines = stdout.map_while(Result::ok);
            for line in lines.filter_map(|line| line.strip_prefix(MARK).map(str::to_owned)) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next line that the child says; `None` when it has ended.
    pub(crate) fn line(&self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the child says nothing"),
        }
    }

    /// `kill -9`, and what it had said by then.
    pub(crate) fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.lines.iter().collect()
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has mostly ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
