//! A running `restante-gateway`, which stands alone in front of an origin.

use std::{
    ffi::OsStr,
    fs,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use crate::{
    process::{Process, beside},
    site::{FOLLOWER, Site},
};

/// Its folder in a site.
pub(crate) const LONE_GATEWAY: &str = "gateway-alone";

/// What it answers to.
pub(crate) const WELL_KNOWN: &str = "/.well-known/ohttp-gateway";

/// An origin that is away: nobody listens there.
const AWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// In front of an origin that is away. It ends when it is dropped.
pub(crate) struct LoneGateway {
    pub(crate) process: Process,
    pub(crate) folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl LoneGateway {
    /// Starts one behind some shell that logs so much, in the follower's name; with further tables.
    pub(crate) async fn start(site: &Site, (prologue, log): (&str, &str), more: &str) -> Self {
        let folder = site.of(LONE_GATEWAY);
        let more = format!("[admin]\nlisten = \"127.0.0.1:0\"\n{more}");
        let file = configure(&folder, FOLLOWER, (AWAY, "/v1/key-packages"), &more);
        let arguments = ["--log", log, "serve", "--config"].map(OsStr::new);
        let arguments = [&arguments[..], &[file.as_os_str()]].concat();
        let mut process = Process::start_program(&program(), prologue, &arguments, &site.log(LONE_GATEWAY));
        let address = process.listening_tcp("gateway").await;
        let admin = process.listening_tcp("admin").await;
        Self { process, folder, address, admin }
    }
}

pub(crate) fn program() -> PathBuf {
    beside("restante-gateway")
}

/// Writes the configuration of a gateway of that name, through which one path of the origin may be asked for, into a folder
/// beside the certificates. `more` goes on in the table `[gateway]`.
pub(crate) fn configure(folder: &Path, name: &str, (origin, path): (SocketAddr, &str), more: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let text = format!(
        "[keys]\npath = \"keys\"\nseal_key_file = \"seal-key\"\n[origin]\nurl = \"http://{origin}\"\n\
         [replays]\npath = \"replays\"\n[[routes]]\npath = \"{path}\"\n\
         [gateway]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{name}/cert.pem\"\n\
         key_file = \"../pki/{name}/key.pem\"\nauthority = \"{name}\"\n{more}"
    );
    let file = folder.join("gateway.toml");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    file
}
