//! The program `restante-gateway`, alone in front of an origin.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::relay::RELAY;

/// Its name, in its certificate and in requests.
pub(crate) const GATEWAY: &str = "gateway.example";
/// What may be asked for behind it.
pub(crate) const PATH: &str = "/v1/call";

/// Writes its configuration into that folder.
pub(crate) fn configure(folder: &Path, origin: SocketAddr) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let text = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\ncert_file = \"../pki/{GATEWAY}/cert.pem\"\n\
         key_file = \"../pki/{GATEWAY}/key.pem\"\nauthority = \"{GATEWAY}\"\n\
         relays_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\n\
         [keys]\npath = \"keys\"\nseal_key_file = \"seal-key\"\n\
         [origin]\nurl = \"http://{origin}\"\n[replays]\npath = \"replays\"\n[[routes]]\npath = \"{PATH}\"\n\
         [limits]\nrequests_per_second_of_others = 10000\nburst_of_others = 10000\n"
    );
    let file = folder.join("gateway.toml");
    fs::write(&file, text).unwrap();
    file
}
