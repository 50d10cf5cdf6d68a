//! The relay that hub.example's operator runs: its files, its process, and the demo's ears on both sides of it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use super::{
    Failure,
    server::Server,
    stage::{FOLLOWER, HUB},
    tls,
    wiretap::{Ends, Wiretap},
};
use crate::{
    client::{
        http::Limits,
        oblivious::{Kems, KeyLogCheck, KeyPackageFetcher, RelayToken, Surroundings, TrustRoots},
    },
    service::{Clock, Entropy, SystemClock, SystemEntropy},
};

/// The host in its url and in its certificate.
pub(super) const RELAY: &str = "relay.hub.example";
/// Its program, which lies beside `restante`.
const PROGRAM: &str = "restante-relay";
/// How long it may take until it has the gateway's key list, or to answer a question.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Between two looks at whether it is ready.
const STEP: Duration = Duration::from_millis(50);

/// Where the relay listens, on loopback.
#[derive(Clone, Copy, Debug)]
pub(super) struct RelayAddresses {
    pub(super) users: SocketAddr,
    pub(super) admin: SocketAddr,
}

/// The relay with its own folder. Its process ends with it.
pub(super) struct Relay {
    pub(super) addresses: RelayAddresses,
    /// Between users and the relay.
    pub(super) near: Wiretap,
    /// Between the relay and the gateway.
    pub(super) far: Wiretap,
    server: Server,
    pki: PathBuf,
    token: String,
}

impl Relay {
    /// Writes its folder, with a token for Alice. Certificates are in `pki`, beside the folder.
    ///
    /// # Errors
    /// When its program is missing, or a file cannot be written.
    pub(super) async fn set_up(
        restante: &Path,
        root: &Path,
        addresses: RelayAddresses,
        gateway: SocketAddr,
    ) -> Result<Self, Failure> {
        let program = restante.with_file_name(PROGRAM);
        if !program.exists() {
            let sentence = format!(
                "{} is missing: the demo needs the relay's program beside its own; `cargo xtask demo` builds both, and so \
                 does `cargo build --workspace`",
                program.display()
            );
            return Err(sentence.into());
        }
        let (folder, pki) = (root.join(RELAY), root.join("pki"));
        fs::create_dir_all(&folder)?;
        let token = mint(&program, &folder.join("tokens")).await?;
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(root.join("alice.relay-token"))?;
        file.write_all(token.as_bytes())?;
        let ends = Ends {
            acceptor: tls::acceptor(&pki, RELAY)?,
            connector: tls::connector(&pki, None)?,
            name: RELAY,
            address: addresses.users,
        };
        let near = Wiretap::start(ends).await?;
        let ends = Ends {
            acceptor: tls::acceptor(&pki, FOLLOWER)?,
            connector: tls::connector(&pki, Some(RELAY))?,
            name: FOLLOWER,
            address: gateway,
        };
        let far = Wiretap::start(ends).await?;
        fs::write(folder.join("relay.toml"), configuration(addresses, far.address, gateway))?;
        let (configuration, listeners) = ("relay.toml", vec!["relay", "admin"]);
        let server = Server { name: RELAY, program, folder, configuration, listeners, process: None };
        Ok(Self { addresses, near, far, server, pki, token })
    }

    /// Starts its process and waits until it has the gateway's key list.
    ///
    /// # Errors
    /// When it ends or is silent instead.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        self.server.start().await?;
        let ready = async {
            while !self.ask("/readyz").await?.starts_with("HTTP/1.1 200") {
                tokio::time::sleep(STEP).await;
            }
            Ok::<_, Failure>(())
        };
        timeout(ANSWER_MAX, ready).await.map_err(|_| "the relay gets no key list from the gateway")?
    }

    /// Ends its process the hard way.
    ///
    /// # Errors
    /// When it does not go.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        self.server.kill().await
    }

    /// Everything that it has logged.
    ///
    /// # Errors
    /// When there is no log.
    pub(super) fn log(&self) -> io::Result<String> {
        self.server.log()
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        &self.server.folder
    }

    /// By what it knows Alice.
    pub(super) fn token_text(&self) -> &str {
        &self.token
    }

    /// A client that is Alice's to the relay, and that knows no key yet.
    ///
    /// # Errors
    /// When the authority's file is gone.
    pub(super) fn fetcher(&self) -> Result<KeyPackageFetcher, Failure> {
        let relay = crate::client::oblivious::Relay {
            url: format!("https://{RELAY}").parse()?,
            address: Some(self.near.address),
            token: RelayToken::new(&self.token).ok_or("a relay token cannot be sent")?,
            operators: vec![HUB.parse()?],
        };
        let roots = TrustRoots::from_pem(&fs::read(self.pki.join("ca.pem"))?)?;
        let now = Arc::new(|| UNIX_EPOCH + Duration::from_millis(SystemClock.now()));
        Ok(KeyPackageFetcher::new(
            relay,
            &roots,
            Kems::Classical,
            Surroundings { now, random: Arc::new(random) },
            Limits::default(),
        )
        .with_key_log(KeyLogCheck::default()))
    }

    /// How often it counted requests that ended that way.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn count(&self, outcome: &str) -> Result<u64, Failure> {
        let metrics = self.ask("/metrics").await?;
        let row = format!("restante_relay_requests_total{{outcome=\"{outcome}\"}} ");
        let number = metrics.lines().find_map(|line| line.strip_prefix(&row));
        Ok(number.ok_or("the relay does not count that")?.trim().parse()?)
    }

    /// What its operator's listener answers.
    ///
    /// # Errors
    /// When it does not.
    pub(super) async fn ask(&self, path: &str) -> Result<String, Failure> {
        let request = format!("GET {path} HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n");
        let answer = timeout(ANSWER_MAX, async {
            let mut stream = TcpStream::connect(self.addresses.admin).await?;
            stream.write_all(request.as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        });
        Ok(answer.await??)
    }

    /// Posts an encapsulated request to the relay itself, past the wire; how long the sealed answer is.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn post(&self, encapsulated: &[u8]) -> Result<usize, Failure> {
        let (token, length) = (&self.token, encapsulated.len());
        let head = format!(
            "POST /v1/relay/{FOLLOWER} HTTP/1.1\r\nhost: {RELAY}\r\nproxy-authorization: Bearer {token}\r\n\
             content-type: message/ohttp-req\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
        );
        let connector = tls::connector(&self.pki, None)?;
        let name = ServerName::try_from(RELAY)?;
        let answer = timeout(ANSWER_MAX, async {
            let stream = TcpStream::connect(self.addresses.users).await?;
            let mut stream = connector.connect(name, stream).await?;
            stream.write_all(&[head.as_bytes(), encapsulated].concat()).await?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer).await?;
            Ok::<_, io::Error>(answer)
        });
        let answer = answer.await??;
        let (head, body) = split_message(&answer).ok_or("the relay's answer has no head")?;
        if head.starts_with(b"HTTP/1.1 200") { Ok(body.len()) } else { Err("the relay does not pass it on".into()) }
    }
}

/// Head and body of an HTTP/1.1 message.
pub(super) fn split_message(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = message.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    Some(message.split_at(end))
}

async fn mint(program: &Path, file: &Path) -> Result<String, Failure> {
    let mut command = Command::new(program);
    command.args(["tokens", "mint", "--file"]).arg(file).kill_on_drop(true);
    let minted = timeout(ANSWER_MAX, command.output()).await??;
    if !minted.status.success() {
        return Err("the relay's program makes no token".into());
    }
    Ok(String::from_utf8(minted.stdout)?.trim().to_owned())
}

/// Spreads pauses; no secret depends on it.
fn random() -> u64 {
    let mut bytes = [0; 8];
    SystemEntropy.fill(&mut bytes).map_or(0, |()| u64::from_le_bytes(bytes))
}

/// All paths are relative, so that the folder can be moved and served again.
fn configuration(addresses: RelayAddresses, ear: SocketAddr, gateway: SocketAddr) -> String {
    let RelayAddresses { users, admin } = addresses;
    format!(
        r#"# The relay of hub.example's operator, as the demo ran it.

[relay]
listen = "{users}"
cert_file = "../pki/{RELAY}/cert.pem"
key_file = "../pki/{RELAY}/key.pem"
tokens_file = "tokens"
state_path = "state"
operator = ["{HUB}"]

[admin]
listen = "{admin}"

[[gateways]]
provider = "{FOLLOWER}"
url = "https://{FOLLOWER}/.well-known/ohttp-gateway"
# There the demo listened in. Without it: {gateway}
address = "{ear}"
ca_file = "../pki/ca.pem"
cert_file = "../pki/{RELAY}/cert.pem"
key_file = "../pki/{RELAY}/key.pem"
"#
    )
}
