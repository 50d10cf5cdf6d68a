//! The program `restante-gateway`, alone in front of an origin.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use crate::{lone_gateway, relay::RELAY};

/// Its name, in its certificate and in requests.
pub(crate) const GATEWAY: &str = "gateway.example";
/// What may be asked for behind it.
pub(crate) const PATH: &str = "/v1/call";

/// Writes its configuration into that folder.
pub(crate) fn configure(folder: &Path, origin: SocketAddr) -> PathBuf {
    let more = format!(
        "relays_ca_file = \"../pki/ca.pem\"\nrelays = [\"{RELAY}\"]\n\
         [limits]\nrequests_per_second_of_others = 10000\nburst_of_others = 10000\n"
    );
    lone_gateway::configure(folder, GATEWAY, (origin, PATH), &more)
}
