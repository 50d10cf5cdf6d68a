//! What is allowed but will hurt later. The sentences hold numbers only: they are logged.

use std::{path::Path, time::SystemTime};

use restante_files::open_to_others;
use restante_names::have_one_holder;
use restante_process::config::{check_writable, expires_soon};

use super::{Config, Public};

pub(super) fn of(config: &Config, now: SystemTime) -> Vec<String> {
    [
        restante_process::too_few_files(config.limits.connections_max, config.listeners()),
        expires_soon("provider.cert_file", &config.provider.cert_file, now),
        config.public.as_ref().and_then(|public| expires_soon("public.cert_file", &public.cert_file, now)),
        config.public.as_ref().and_then(|public| own_relays(public, config.provider.id.as_str())),
        config.store.backup_path.as_deref().and_then(no_backups),
        config.store.backup_path.as_deref().and_then(open_backups),
        (config.public.is_some() && config.local.is_none()).then(|| {
            "the gateway of [public] is on and there is no table [local]: nobody can upload KeyPackages or mint tokens"
                .to_owned()
        }),
        (config.provider.listen.is_some() && config.peers.is_empty())
            .then(|| "the provider listener is on and there are no [[peers]]: every provider is refused".to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Names are all that can be known here of who runs a relay.
fn own_relays(public: &Public, id: &str) -> Option<String> {
    let names = &public.relays.as_ref()?.names;
    let own = names.iter().filter(|name| have_one_holder(name.as_str(), id)).count();
    (own > 0).then(|| {
        format!(
            "the domains of {own} of {} public.relays tell that they have one holder with provider.id: who runs both \
             relay and gateway sees who asks and what is asked; let relays of other operators in",
            names.len()
        )
    })
}

/// Whoever serves without backups serves all the same: no disk of backups keeps a hub from its start.
fn no_backups(folder: &Path) -> Option<String> {
    check_writable(folder).is_err().then(|| {
        "store.backup_path may not be written to by this process, so no backup can be made: see its owner and mode, \
         whether its disk is there, and ReadWritePaths= in the unit"
            .to_owned()
    })
}

/// None is made there while it is so.
fn open_backups(folder: &Path) -> Option<String> {
    open_to_others(folder).ok()?.map(|mode| {
        format!(
            "others may enter store.backup_path (mode {mode:o}), and backups hold secrets: none is made there; run \
             `chmod 700` on it"
        )
    })
}
