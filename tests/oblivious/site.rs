//! Both providers, and a user of one who wants to reach users of the other.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Output, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};

use restante::client::{
    http::Limits,
    oblivious::{Kems, KeyPackageFetcher, Relay as RelayToUse, RelayToken, Surroundings, TrustRoots},
};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, process::Command};

use crate::{
    follower::{FOLLOWER, Follower},
    relay::{RELAY, Relay, user_token},
};

const PROGRAM: &str = env!("CARGO_BIN_EXE_restante");
/// Nothing that is waited for takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Site {
    pub(crate) follower: Follower,
    pub(crate) relay: Relay,
    folder: TempDir,
}

/// How a program ended.
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Site {
    pub(crate) async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let pki = folder.path().join("pki");
        run(&["dev-pki".into(), pki.clone().into(), RELAY.into(), FOLLOWER.into()], "", Stdio::piped()).await;
        let follower = Follower::start(folder.path(), &pki).await;
        let token = user_token();
        let relay = Relay::start(folder.path(), &pki, follower.address, &token).await;
        let site = Self { follower, relay, folder };
        site.secret("relay.token", token.reveal());
        site
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file for its owner only.
    pub(crate) fn secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// `restante fetch-key-packages` with what every call needs, and these words.
    pub(crate) async fn fetch(&self, words: &[&str]) -> Ended {
        self.fetch_with_input(words, "").await
    }

    /// The same with this text on standard input.
    pub(crate) async fn fetch_with_input(&self, words: &[&str], input: &str) -> Ended {
        let output = run(&self.arguments(words), input, Stdio::piped()).await;
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Ended { status: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn arguments(&self, words: &[&str]) -> Vec<OsString> {
        let needed: [(&str, OsString); 5] = [
            ("--relay", format!("https://{RELAY}").into()),
            ("--relay-address", self.relay.address.to_string().into()),
            ("--relay-token-file", self.path("relay.token").into()),
            ("--provider", FOLLOWER.into()),
            ("--ca", self.path("pki/ca.pem").into()),
        ];
        let mut arguments: Vec<OsString> = vec!["fetch-key-packages".into()];
        // A word of the test's own stands for the one that every call needs.
        for (name, value) in needed.into_iter().filter(|(name, _)| !words.contains(name)) {
            arguments.extend([name.into(), value]);
        }
        arguments.extend(words.iter().map(Into::into));
        arguments
    }

    /// The same when nobody reads what it prints. Its status, and what it complained of.
    pub(crate) async fn fetch_with_closed_output(&self, words: &[&str], input: &str) -> (i32, String) {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = run(&self.arguments(words), input, writer.into()).await;
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    /// The library's fetcher with this clock.
    pub(crate) fn fetcher(&self, now: fn() -> SystemTime) -> KeyPackageFetcher {
        let roots = TrustRoots::from_pem(&fs::read(self.path("pki/ca.pem")).unwrap()).unwrap();
        let relay = RelayToUse {
            url: format!("https://{RELAY}").parse().unwrap(),
            address: Some(self.relay.address),
            token: RelayToken::new(user_token().reveal()).unwrap(),
            operators: Vec::new(),
        };
        let surroundings = Surroundings { now: Arc::new(now), random: Arc::new(|| 0) };
        KeyPackageFetcher::new(relay, &roots, Kems::WithHybrid, surroundings, Limits::default())
    }
}

pub(crate) fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "certificates and KeyPackages of these tests are made now")]
    SystemTime::now()
}

/// Runs the program to its end.
async fn run(arguments: &[OsString], input: &str, stdout: Stdio) -> Output {
    let mut command = Command::new(PROGRAM);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("RESTANTE_")) {
        command.env_remove(name);
    }
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
    let output = async {
        let mut child = command.spawn().unwrap();
        // A program that does not read has closed it by now, perhaps.
        drop(child.stdin.take().unwrap().write_all(input.as_bytes()).await);
        child.wait_with_output().await.unwrap()
    };
    tokio::time::timeout(PATIENCE, output).await.expect("it ends in time")
}
