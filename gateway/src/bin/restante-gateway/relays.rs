//! Which relay a connection is of: the one name in its certificate, if the operator listed it.

use restante_gateway::RelayIdentity;
use restante_process::{Clients, Identify, config::dns_name_of};

use crate::config::{Config, Relays};

/// Certificates of relays are asked for, and nobody needs one.
pub(crate) fn clients(config: &Config) -> Clients<'_> {
    config.relays.as_ref().map_or(Clients::Unknown, |relays| Clients::Known(&relays.ca_file))
}

/// A relay that is not listed is one of the others.
pub(crate) fn identify(relays: Option<&Relays>) -> Identify {
    let Some(Relays { names, .. }) = relays.cloned() else { return Identify::nobody() };
    Identify::by(move |certificate| {
        let name = dns_name_of(certificate?).ok()?.to_ascii_lowercase();
        names.contains(&name).then(|| RelayIdentity(name.into()))
    })
}
