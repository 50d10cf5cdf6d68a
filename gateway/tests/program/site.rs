//! A folder with certificates and a configuration, and the gateway that it is for.

use std::{
    fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use http::{Method, Response};
use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use crate::{
    process::{Process, run},
    wire::{self, WELL_KNOWN},
};

pub(crate) struct Site {
    folder: Arc<TempDir>,
}

/// A gateway that serves.
pub(crate) struct Running {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) pki: PathBuf,
    /// It stays as long as the process.
    _folder: Arc<TempDir>,
}

impl Site {
    /// In front of this origin, with these lines in `[limits]`.
    pub(crate) fn new(origin: SocketAddr, limits: &str) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let site = Self { folder };
        issue_certificates(&site.path("pki"));
        let text = format!(
            r#"
[gateway]
listen = "127.0.0.1:0"
cert_file = "pki/follower.example.pem"
key_file = "pki/follower.example-key.pem"
authority = "follower.example"
relays_ca_file = "pki/ca.pem"
relays = ["relay.example"]
[keys]
path = "keys"
seal_key_file = "seal-key"
[origin]
url = "http://{origin}"
[replays]
path = "replays"
[[routes]]
path = "/v1/key-package"
[admin]
listen = "127.0.0.1:0"
[limits]
{limits}
"#
        );
        fs::write(site.path("gateway.toml"), text).unwrap();
        site
    }

    /// The same origin over TLS, by this name or address.
    pub(crate) fn secure_origin(&self, origin: SocketAddr, host: &str) {
        let text = fs::read_to_string(self.config()).unwrap();
        let secure = format!("url = \"https://{host}:{}\"\nca_file = \"pki/ca.pem\"", origin.port());
        fs::write(self.config(), text.replace(&format!("url = \"http://{origin}\""), &secure)).unwrap();
    }

    /// Nobody asks how it fares.
    pub(crate) fn without_admin(&self) {
        let text = fs::read_to_string(self.config()).unwrap();
        fs::write(self.config(), text.replace("[admin]\nlisten = \"127.0.0.1:0\"\n", "")).unwrap();
    }

    /// A new certificate of the same authority in the place of that one, with another key, until that year begins.
    pub(crate) fn renew(&self, name: &str, year: i32) {
        let pki = self.path("pki");
        let read = |file: &str| fs::read_to_string(pki.join(file)).unwrap();
        let key = KeyPair::from_pem(&read("ca-key.pem")).unwrap();
        issue(&pki, &Issuer::from_ca_cert_pem(&read("ca.pem"), key).unwrap(), name, year);
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn config(&self) -> String {
        self.path("gateway.toml").to_str().unwrap().to_owned()
    }

    pub(crate) fn spawn(&self) -> Process {
        self.spawn_with(&[])
    }

    /// With settings above those of the file.
    pub(crate) fn spawn_with(&self, settings: &[&str]) -> Process {
        let config = self.config();
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let words: Vec<&str> = ["serve", "--config", &config, "--log", "trace"].into_iter().chain(set).collect();
        Process::start(&words, &self.path("log"))
    }

    pub(crate) async fn start(&self) -> Running {
        let mut process = self.spawn();
        let address = process.listening("gateway").await;
        let admin = process.listening("admin").await;
        Running { process, address, admin, pki: self.path("pki"), _folder: Arc::clone(&self.folder) }
    }

    /// A command that must succeed: what it prints.
    pub(crate) async fn command(&self, words: &[&str]) -> String {
        let config = self.config();
        let output = run(&[&words[..2], &["--config", &config], &words[2..]].concat()).await;
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Running {
    pub(crate) async fn list(&self) -> Bytes {
        let stream = wire::connect(self.address, &self.pki, None).await.unwrap();
        let answer = wire::exchange(stream, wire::request(Method::GET, WELL_KNOWN, "")).await;
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["content-type"]),
            (200, &"application/ohttp-keys".parse().unwrap())
        );
        answer.into_body()
    }

    pub(crate) async fn post(&self, body: impl Into<Bytes>) -> Response<Bytes> {
        self.post_as(None, body).await
    }

    pub(crate) async fn post_as(&self, identity: Option<&str>, body: impl Into<Bytes>) -> Response<Bytes> {
        let stream = wire::connect(self.address, &self.pki, identity).await.unwrap();
        wire::exchange(stream, wire::request(Method::POST, WELL_KNOWN, body)).await
    }

    /// Asks with this content; status and content of the answer inside.
    pub(crate) async fn ask(&self, content: &str) -> (u16, String) {
        let sealed = wire::seal(&self.list().await, content);
        let answer = self.post(sealed.body.clone()).await;
        wire::open(&answer, sealed)
    }

    pub(crate) async fn admin(&self, path: &str) -> (u16, String) {
        let stream = tokio::net::TcpStream::connect(self.admin).await.unwrap();
        let answer = wire::exchange(stream, wire::request(Method::GET, path, "")).await;
        (answer.status().as_u16(), String::from_utf8(answer.body().to_vec()).unwrap())
    }
}

fn issue_certificates(folder: &Path) {
    fs::create_dir(folder).unwrap();
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    fs::write(folder.join("ca.pem"), ca.self_signed(&ca_key).unwrap().pem()).unwrap();
    fs::write(folder.join("ca-key.pem"), ca_key.serialize_pem()).unwrap();
    let issuer = Issuer::new(ca, ca_key);
    for name in ["follower.example", "relay.example", "stranger.example", "localhost"] {
        issue(folder, &issuer, name, 4096);
    }
}

fn issue(folder: &Path, issuer: &Issuer<'_, KeyPair>, name: &str, year: i32) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.not_after = date_time_ymd(year, 1, 1);
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    fs::write(folder.join(format!("{name}.pem")), params.signed_by(&key, issuer).unwrap().pem()).unwrap();
    let key_file = folder.join(format!("{name}-key.pem"));
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(key_file, fs::Permissions::from_mode(0o600)).unwrap();
}
