//! `restante demo` as a newcomer runs it.

#![cfg(feature = "hub")]
#![allow(clippy::unwrap_used, reason = "whatever fails here fails the test")]

use std::{
    fs,
    io::Read,
    net::TcpStream,
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use restante::client::http::Operation;
use tempfile::TempDir;

/// Far more than it takes.
const PATIENCE: Duration = Duration::from_secs(180);
const STEP: Duration = Duration::from_millis(20);

/// A demo that ends with the test.
struct Demo {
    child: Child,
    /// Where its temporary files go.
    temporary: TempDir,
}

impl Demo {
    fn start(arguments: &[&str]) -> Self {
        let temporary = TempDir::new().unwrap();
        let output = fs::File::create(temporary.path().join("output")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_restante"))
            .arg("demo")
            .args(arguments)
            .env("TMPDIR", temporary.path())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Self { child, temporary }
    }

    fn output(&self) -> String {
        fs::read_to_string(self.temporary.path().join("output")).unwrap()
    }

    /// Waits until the story has come to this.
    fn wait_for(&mut self, text: &str) {
        wait(|| self.output().contains(text).then_some(()));
    }

    fn end(&mut self) -> (ExitStatus, String) {
        let status = wait(|| self.child.try_wait().unwrap());
        let mut errors = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut errors).unwrap();
        (status, errors)
    }

    /// What is left in the folder for temporary files, apart from the output.
    fn left_behind(&self) -> Vec<String> {
        let entries = fs::read_dir(self.temporary.path()).unwrap().map(|entry| entry.unwrap().file_name());
        entries.filter_map(|name| name.into_string().ok()).filter(|name| name != "output").collect()
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait<T>(mut until: impl FnMut() -> Option<T>) -> T {
    for _step in 0..PATIENCE.as_millis() / STEP.as_millis() {
        if let Some(found) = until() {
            return found;
        }
        thread::sleep(STEP);
    }
    panic!("it takes too long");
}

#[test]
fn every_check_holds_and_the_logs_tell_nothing() {
    let keep = TempDir::new().unwrap();
    let folder = keep.path().join("kept");
    let mut demo = Demo::start(&["--keep", folder.to_str().unwrap()]);
    let (status, errors) = demo.end();
    let output = demo.output();
    assert!(status.success(), "{output}\n{errors}");
    assert_eq!(errors, "");
    assert!(!output.contains("FAILED"), "{output}");
    let tally = output.lines().last().unwrap();
    let passed = tally.strip_prefix("demo: ").and_then(|rest| rest.strip_suffix(" checks passed, 0 failed")).unwrap();
    let passed: usize = passed.parse().unwrap();
    assert!(passed >= 200, "{tally}");
    assert_eq!(output.lines().filter(|line| line.starts_with("   ok      ")).count(), passed);
    assert!(!output.contains('\u{1b}'), "no colours and no bar where nobody looks");

    assert_eq!(output.lines().filter(|line| line.starts_with("== ")).count(), 4, "acts");
    // What the operator types, and what the program then says.
    for line in ["   $ restante forks list", "     restored: 1 partition", "     terminated: 1 partition"] {
        assert!(output.lines().any(|told| told == line), "{line}");
    }
    assert!(output.lines().any(|told| told.starts_with("     |-o ")), "the branch is drawn");
    for (drawing, begins) in [("fork.dot", "digraph group {"), ("fork.svg", "<svg ")] {
        assert!(fs::read_to_string(folder.join(drawing)).unwrap().starts_with(begins), "{drawing}");
    }

    for id in ["hub.example", "follower.example", "third.example"] {
        let log = fs::read_to_string(folder.join(id).join("log")).unwrap();
        assert!(log.lines().count() > 0);
        // The fixed paths of operations are words like others, and so is the gateway's; any other path would be somebody's.
        let fixed = Operation::ALL.map(Operation::path).into_iter().chain(["/.well-known/ohttp-gateway"]);
        let log = fixed.fold(log, |log, path| log.replace(&format!(":\"{path}\""), ":\"\""));
        for secret in [
            "hub.example",
            "follower.example",
            "third.example",
            "mimi://",
            "127.0.0.1",
            "alice",
            "erin",
            "\"/",
            " /",
            "=/",
        ] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
        let checked = Command::new(env!("CARGO_BIN_EXE_restante"))
            .args(["config", "check", "--config"])
            .arg(folder.join(id).join("restante.toml"))
            .output()
            .unwrap();
        assert!(checked.status.success(), "what is kept can be served again");
    }
    let log = fs::read_to_string(folder.join("relay.hub.example/log")).unwrap();
    assert!(log.lines().count() > 0);
    for secret in ["hub.example", "follower.example", "127.0.0.1", "alice", "carol", "dave"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert_eq!(demo.left_behind(), [""; 0]);

    let mut again = Demo::start(&["--keep", folder.to_str().unwrap()]);
    let (status, errors) = again.end();
    assert_eq!(status.code(), Some(1));
    assert!(errors.contains("is not empty"), "{errors}");
}

/// Ctrl-C: the processes are ended and the files are gone.
#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let mut demo = Demo::start(&[]);
    demo.wait_for(". People talk");
    let addresses: Vec<_> = demo.output().lines().filter_map(addresses).flatten().collect();
    assert_eq!(addresses.len(), 6);
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_ok()));
    let interrupt = format!("kill -INT {}", demo.child.id());
    assert!(Command::new("sh").args(["-c", &interrupt]).status().unwrap().success());
    let (status, errors) = demo.end();
    assert_eq!(status.code(), Some(1), "{errors}");
    assert!(errors.contains("interrupted"), "{errors}");
    assert!(addresses.iter().all(|address| TcpStream::connect(address).is_err()), "nobody listens any more");
    assert_eq!(demo.left_behind(), [""; 0]);
}

#[test]
fn without_the_relay_s_program_it_says_how_to_build_it() {
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("restante");
    let built = env!("CARGO_BIN_EXE_restante");
    fs::hard_link(built, &program).or_else(|_| fs::copy(built, &program).map(drop)).unwrap();
    let ended = Command::new(&program).arg("demo").stdin(Stdio::null()).output().unwrap();
    assert_eq!(ended.status.code(), Some(1));
    let told = String::from_utf8(ended.stdout).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("restante-relay is missing") && told.contains("`cargo xtask demo` builds both"), "{told}");
    assert!(told.ends_with("demo: 0 checks passed, 1 failed"), "{told}");
}

/// `hub.example  providers at 127.0.0.1:1, service at 127.0.0.1:2`
fn addresses(line: &str) -> Option<[String; 2]> {
    let (_, rest) = line.split_once(" providers at ")?;
    let (provider, local) = rest.split_once(", service at ")?;
    Some([provider.to_owned(), local.to_owned()])
}
