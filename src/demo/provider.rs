//! One provider: its files, and its process while it runs.

use std::{
    env,
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use super::Failure;
use crate::{
    client::http::ServiceToken,
    service::{Entropy, SystemEntropy},
};

/// How long a process may take until it listens.
const START_MAX: Duration = Duration::from_secs(20);
/// How long a killed process may take to be gone.
const END_MAX: Duration = Duration::from_secs(10);
/// Somebody else may hold one of the ports for a moment: they were free when they were chosen.
const START_ATTEMPTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_millis(300);

/// Where a provider listens, on loopback.
#[derive(Clone, Copy, Debug)]
pub(super) struct Addresses {
    pub(super) provider: SocketAddr,
    pub(super) local: SocketAddr,
}

/// A provider with its own folder. Its process ends with it.
pub(super) struct Provider {
    pub(super) id: &'static str,
    pub(super) addresses: Addresses,
    program: PathBuf,
    folder: PathBuf,
    token: String,
    process: Option<Process>,
}

struct Process {
    child: Child,
    /// Kept open: whoever closes it takes the process's standard output away.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// Writes its folder: a service token and a configuration. Certificates are in `../pki`.
    ///
    /// # Errors
    /// When a file cannot be written, or there are no random bytes.
    pub(super) fn set_up(
        program: &Path,
        folder: PathBuf,
        id: &'static str,
        addresses: Addresses,
        peer: (&str, SocketAddr),
    ) -> Result<Self, Failure> {
        fs::create_dir_all(&folder)?;
        let mut random = [0; 32];
        SystemEntropy.fill(&mut random)?;
        let token = hex::encode(random);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(folder.join("service-token"))?.write_all(token.as_bytes())?;
        fs::write(folder.join("restante.toml"), configuration(id, addresses, peer))?;
        Ok(Self { id, addresses, program: program.to_owned(), folder, token, process: None })
    }

    /// What its services present at the local listener.
    ///
    /// # Errors
    /// Never: the token is hexadecimal.
    pub(super) fn token(&self) -> Result<ServiceToken, Failure> {
        ServiceToken::new(&self.token).ok_or_else(|| "a service token cannot be sent".into())
    }

    /// The token as it stands in its file, to look for.
    pub(super) fn token_text(&self) -> &str {
        &self.token
    }

    /// Everything that its processes have logged.
    ///
    /// # Errors
    /// When there is no log.
    pub(super) fn log(&self) -> io::Result<String> {
        fs::read_to_string(self.folder.join("log"))
    }

    /// The folder of its database.
    pub(super) fn database(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// Starts its process and waits until both listeners are there.
    ///
    /// # Errors
    /// When it ends or is silent instead, with the last line of its log.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        let mut attempt = 1;
        while let Some(status) = self.try_start().await? {
            if attempt == START_ATTEMPTS {
                let log = self.log().unwrap_or_default();
                let last = log.lines().last().unwrap_or("its log is empty");
                return Err(format!("{} ended at once ({status}): {last}", self.id).into());
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
        command.args(["--log", "trace", "serve", "--config"]).arg(self.folder.join("restante.toml"));
        // Settings for a server of whoever watches the demo are not for these.
        let settings = env::vars_os().map(|(name, _)| name).filter(|name| is_setting(name));
        settings.for_each(|name| _ = command.env_remove(name));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("{} cannot be started: {error}", self.id))?;
        let stdout = child.stdout.take().ok_or("no pipe to the process")?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            let mut waiting = vec!["listening provider ", "listening local "];
            while !waiting.is_empty() {
                let Some(line) = lines.next_line().await? else { return Ok(false) };
                waiting.retain(|listening| !line.starts_with(listening));
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
            Err(_) => Err(format!("{} did not listen within {} seconds", self.id, START_MAX.as_secs()).into()),
        }
    }

    /// Ends its process the hard way, as `kill -9` does, and waits until it is gone.
    ///
    /// # Errors
    /// When it does not go.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        let Some(Process { mut child, .. }) = self.process.take() else { return Ok(()) };
        child.start_kill()?;
        timeout(END_MAX, child.wait()).await.map_err(|_| format!("{} does not end", self.id))??;
        Ok(())
    }
}

fn is_setting(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"RESTANTE_")
}

/// All paths are relative, so that the folder can be moved and served again.
fn configuration(id: &str, addresses: Addresses, (peer_id, peer): (&str, SocketAddr)) -> String {
    let Addresses { provider, local } = addresses;
    format!(
        r#"# {id}, as the demo ran it.

[provider]
id = "{id}"
listen = "{provider}"
cert_file = "../pki/{id}/cert.pem"
key_file = "../pki/{id}/key.pem"
ca_file = "../pki/ca.pem"

[local]
listen = "{local}"
service_token_file = "service-token"

[store]
path = "data"

[limits]
connections_max = 128

[[peers]]
id = "{peer_id}"
url = "https://{peer}"
"#
    )
}
