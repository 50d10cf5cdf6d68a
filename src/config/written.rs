//! The tables as they are written, before they mean anything; and what they mean.
//!
//! Every key is optional here, so that serde reports shapes and [`Written::parse`] reports what is missing, all in
//! one run. `[limits]` and `[policy]` need no second form: they are numbers with defaults.

use std::{collections::BTreeSet, net::SocketAddr, num::NonZeroU32, path::PathBuf};

use restante_process::{
    config::{self, RelativePathBuf},
    export::{ExportSettings, WrittenExport},
};
use serde::Deserialize;

use super::{Limits, Local, Peer, Policy, Problems, Provider, Public, Relays, Store};
use crate::wire::ServiceProviderId;

type Layers = restante_process::config::Layers<Written>;
type Reader<'a> = restante_process::config::Reader<'a, Written>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "tables")]
pub(super) struct Written {
    provider: WrittenProvider,
    public: Option<WrittenPublic>,
    local: Option<WrittenLocal>,
    store: WrittenStore,
    export: Option<WrittenExport>,
    limits: Limits,
    policy: Policy,
    peers: Vec<WrittenPeer>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenProvider {
    id: Option<String>,
    listen: Option<String>,
    cert_file: Option<RelativePathBuf>,
    key_file: Option<RelativePathBuf>,
    ca_file: Option<RelativePathBuf>,
    push: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenPublic {
    listen: Option<String>,
    cert_file: Option<RelativePathBuf>,
    key_file: Option<RelativePathBuf>,
    relay_ca_file: Option<RelativePathBuf>,
    relays: Option<Vec<String>>,
    keys_path: Option<RelativePathBuf>,
    seal_key_file: Option<RelativePathBuf>,
    x_wing: bool,
    requests_per_second_and_relay: Option<NonZeroU32>,
    requests_per_second_of_others: Option<NonZeroU32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenLocal {
    /// A text; read as a path so that a unix socket's can start at the file's folder.
    listen: Option<RelativePathBuf>,
    service_token_file: Option<RelativePathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenStore {
    path: Option<RelativePathBuf>,
    backup_path: Option<RelativePathBuf>,
    backups_kept: Option<NonZeroU32>,
    cache_bytes: Option<usize>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of its own, [[peers]]")]
struct WrittenPeer {
    id: Option<String>,
    url: Option<String>,
}

/// What could be made of the tables; a table of which something is missing is absent.
pub(super) struct Parsed {
    pub(super) provider: Option<Provider>,
    pub(super) of_provider: OfProvider,
    pub(super) public: Option<Public>,
    pub(super) of_public: OfPublic,
    pub(super) local: Option<Local>,
    pub(super) store: Option<Store>,
    pub(super) of_store: OfStore,
    pub(super) export: Option<ExportSettings>,
    pub(super) limits: Limits,
    pub(super) policy: Policy,
    pub(super) peers: Vec<Peer>,
}

/// What could be made of single keys of `[provider]`: they are checked whatever is wrong with others.
#[derive(Default)]
pub(super) struct OfProvider {
    pub(super) id: Option<ServiceProviderId>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) ca_file: Option<PathBuf>,
}

impl From<&Provider> for OfProvider {
    fn from(provider: &Provider) -> Self {
        Self {
            id: Some(provider.id.clone()),
            listen: provider.listen,
            cert_file: Some(provider.cert_file.clone()),
            key_file: Some(provider.key_file.clone()),
            ca_file: Some(provider.ca_file.clone()),
        }
    }
}

/// The same of `[public]`.
#[derive(Default)]
pub(super) struct OfPublic {
    pub(super) listen: Option<SocketAddr>,
    pub(super) cert_file: Option<PathBuf>,
    pub(super) key_file: Option<PathBuf>,
    pub(super) relay_ca_file: Option<PathBuf>,
    pub(super) keys_path: Option<PathBuf>,
    pub(super) seal_key_file: Option<PathBuf>,
}

impl From<&Public> for OfPublic {
    fn from(public: &Public) -> Self {
        Self {
            listen: Some(public.listen),
            cert_file: Some(public.cert_file.clone()),
            key_file: Some(public.key_file.clone()),
            relay_ca_file: public.relays.as_ref().map(|relays| relays.ca_file.clone()),
            keys_path: Some(public.keys_path.clone()),
            seal_key_file: Some(public.seal_key_file.clone()),
        }
    }
}

/// The same of `[store]`.
#[derive(Default)]
pub(super) struct OfStore {
    pub(super) path: Option<PathBuf>,
    pub(super) backup_path: Option<PathBuf>,
}

impl From<&Store> for OfStore {
    fn from(store: &Store) -> Self {
        Self { path: Some(store.path.clone()), backup_path: store.backup_path.clone() }
    }
}

impl Written {
    /// Reads ids, addresses and urls, and reports those that are wrong or missing.
    pub(super) fn parse(self, layers: &Layers, problems: &mut Problems) -> Parsed {
        let place = |key: &str| layers.place(key);
        check_listeners(self.provider.listen.is_some(), self.local.is_some(), &place, problems);
        let own_id = self.provider.id.as_ref().and_then(|id| id.parse().ok());
        let peers = parse_peers(self.peers, &mut Reader::new(layers, problems));
        check_peers(own_id.as_ref(), &peers, &place, problems);
        let reader = &mut Reader::new(layers, problems);
        let (of_provider, provider) = self.provider.parse(reader);
        let (of_store, store) = self.store.parse(reader);
        let (of_public, public) = self.public.map(|public| public.parse(reader)).unwrap_or_default();
        Parsed {
            provider,
            of_provider,
            public,
            of_public,
            local: self.local.and_then(|local| local.parse(reader)),
            store,
            of_store,
            export: self.export.and_then(|export| export.parse(reader)),
            limits: self.limits,
            policy: self.policy,
            peers,
        }
    }
}

impl WrittenProvider {
    fn parse(self, reader: &mut Reader<'_>) -> (OfProvider, Option<Provider>) {
        let id = reader.required("provider.id", "is missing; give your provider's domain name", self.id);
        let id = id.and_then(|id| reader.parse("provider.id", "id", &id));
        // `Some(None)`: there is no such listener.
        let listen = match &self.listen {
            None => Some(None),
            Some(text) if text.starts_with("unix:") => {
                let sentence = "is a unix socket, and only [local] has one; give an address and a port";
                reader.refuse("provider.listen", sentence);
                None
            }
            Some(text) => reader.tcp("provider.listen", text).map(Some),
        };
        let mut file = |key: &str, what: &str, path: Option<RelativePathBuf>| {
            reader.path(key, &format!("{what}, or try `restante dev-pki` for certificates to try out"), path)
        };
        let cert_file = file("provider.cert_file", "the PEM file with your certificate", self.cert_file);
        let key_file = file("provider.key_file", "the PEM file with its private key", self.key_file);
        let ca_file = file("provider.ca_file", "the PEM file with the authorities of your peers", self.ca_file);
        let of_provider = OfProvider { id, listen: listen.flatten(), cert_file, key_file, ca_file };
        let provider = of_provider.whole(listen, self.push);
        (of_provider, provider)
    }
}

impl OfProvider {
    /// The table, if nothing of it is missing.
    fn whole(&self, listen: Option<Option<SocketAddr>>, push: bool) -> Option<Provider> {
        Some(Provider {
            id: self.id.clone()?,
            listen: listen?,
            cert_file: self.cert_file.clone()?,
            key_file: self.key_file.clone()?,
            ca_file: self.ca_file.clone()?,
            push,
        })
    }
}

impl WrittenPublic {
    fn parse(self, reader: &mut Reader<'_>) -> (OfPublic, Option<Public>) {
        let sentence = "is missing; give an address such as [::]:443, or take the table [public] out";
        let listen = reader.required("public.listen", sentence, self.listen);
        let listen = listen.and_then(|text| reader.tcp("public.listen", &text));
        let certificate = "the PEM file with a certificate for your provider id that relays trust";
        let cert_file = reader.path("public.cert_file", certificate, self.cert_file);
        let key_file = reader.path("public.key_file", "the PEM file with its private key", self.key_file);
        let keys_path = reader.path("public.keys_path", "the folder for the gateway's keys", self.keys_path);
        let seal = "a file outside of public.keys_path for the key that seals them, made if not there";
        let seal_key_file = reader.path("public.seal_key_file", seal, self.seal_key_file);
        let relay_ca_file = self.relay_ca_file.as_ref().map(RelativePathBuf::relative);
        let relays = parse_relays(self.relay_ca_file, self.relays, reader);
        let of_public = OfPublic { listen, cert_file, key_file, relay_ca_file, keys_path, seal_key_file };
        let each_relay = self.requests_per_second_and_relay.unwrap_or(Public::EACH_RELAY);
        let others = self.requests_per_second_of_others.unwrap_or(Public::OTHERS);
        let public = of_public.whole(relays, self.x_wing, each_relay, others);
        (of_public, public)
    }
}

impl OfPublic {
    /// The table, if nothing of it is missing.
    fn whole(
        &self,
        relays: Option<Option<Relays>>,
        x_wing: bool,
        each_relay: NonZeroU32,
        others: NonZeroU32,
    ) -> Option<Public> {
        Some(Public {
            listen: self.listen?,
            cert_file: self.cert_file.clone()?,
            key_file: self.key_file.clone()?,
            relays: relays?,
            keys_path: self.keys_path.clone()?,
            seal_key_file: self.seal_key_file.clone()?,
            x_wing,
            requests_per_second_and_relay: each_relay,
            requests_per_second_of_others: others,
        })
    }
}

impl WrittenLocal {
    fn parse(self, reader: &mut Reader<'_>) -> Option<Local> {
        let sentence = "is missing; give an address such as 127.0.0.1:8080, or take the table [local] out";
        let listen = reader.required("local.listen", sentence, self.listen);
        let listen = listen.and_then(|written| reader.local("local.listen", &written));
        let token = "a file with the token that your service presents, at least 16 bytes";
        let service_token_file = reader.path("local.service_token_file", token, self.service_token_file);
        Some(Local { listen: listen?, service_token_file: service_token_file? })
    }
}

impl WrittenStore {
    fn parse(self, reader: &mut Reader<'_>) -> (OfStore, Option<Store>) {
        let path = reader.path("store.path", "the folder of the database", self.path);
        // `Some(None)`: backups are made nowhere.
        let backup_path = match self.backup_path {
            Some(written) => reader.path("store.backup_path", "the folder of backups", Some(written)).map(Some),
            None => Some(None),
        };
        let backups_kept = self.backups_kept.unwrap_or(Store::BACKUPS_KEPT);
        let cache_bytes = self.cache_bytes.unwrap_or(Store::CACHE_BYTES);
        let bytes = "store.cache_bytes";
        if cache_bytes < Store::CACHE_BYTES_MIN {
            reader.refuse(bytes, format!("is too small to be of use: at least {}", Store::CACHE_BYTES_MIN));
        }
        if cache_bytes as u64 > Store::CACHE_BYTES_MAX {
            reader.refuse(bytes, format!("is more memory than there is: at most {}", Store::CACHE_BYTES_MAX));
        }
        let of_store = OfStore { path: path.clone(), backup_path: backup_path.clone().flatten() };
        let whole = path.zip(backup_path);
        let store = whole.map(|(path, backup_path)| Store { path, backup_path, backups_kept, cache_bytes });
        (of_store, store)
    }
}

/// `Some(None)`: all relays share one budget.
fn parse_relays(
    ca_file: Option<RelativePathBuf>,
    names: Option<Vec<String>>,
    reader: &mut Reader<'_>,
) -> Option<Option<Relays>> {
    let (ca_file, names) = match (ca_file, names) {
        (None, None) => return Some(None),
        (Some(ca_file), Some(names)) if !names.is_empty() => (ca_file, names),
        (None, Some(_)) => {
            let sentence = "is missing; name the PEM file with the authorities of the relays' certificates";
            reader.missing("public.relay_ca_file", sentence);
            return None;
        }
        (Some(_), _) => {
            let sentence = "is missing; list the names in the relays' certificates, such as [\"relay.example\"]";
            reader.missing("public.relays", sentence);
            return None;
        }
    };
    let mut parsed = BTreeSet::new();
    let mut is_whole = true;
    for name in &names {
        match reader.parse("public.relays", "id", name) {
            Some(id) => {
                if !parsed.insert(id) {
                    reader.refuse("public.relays", format!("{name} stands there twice; take one out"));
                }
            }
            None => is_whole = false,
        }
    }
    is_whole.then(|| Some(Relays { ca_file: ca_file.relative(), names: parsed }))
}

fn parse_peers(written: Vec<WrittenPeer>, reader: &mut Reader<'_>) -> Vec<Peer> {
    let mut peers = Vec::with_capacity(written.len());
    for (index, peer) in written.into_iter().enumerate() {
        let id_key = format!("peers.{index}.id");
        let url_key = format!("peers.{index}.url");
        let id = reader.required(&id_key, "is missing; give the peer's domain name", peer.id);
        let id = id.and_then(|id| reader.parse(&id_key, "id", &id));
        let sentence = "is missing; say where the peer listens, such as https://follower.example:8443";
        let url = reader.required(&url_key, sentence, peer.url);
        let url = url.and_then(|url| parse_url(&url).map_err(|sentence| reader.refuse(&url_key, sentence)).ok());
        if let (Some(id), Some(url)) = (id, url) {
            peers.push(Peer { id, url });
        }
    }
    peers
}

fn parse_url(text: &str) -> Result<http::Uri, String> {
    let url: http::Uri =
        text.parse().map_err(|_| format!("`{text}` is no url; write it like https://follower.example:8443"))?;
    // `Uri` drops a fragment without a word.
    if text.contains('#') {
        return Err("has a fragment; give only https, a host and perhaps a port".to_owned());
    }
    check_url(&url).map(|()| url)
}

/// `https`, a host, perhaps a port, and nothing else: paths are the protocol's.
pub(super) fn check_url(url: &http::Uri) -> Result<(), String> {
    let wants = "give only https, a host and perhaps a port, such as https://follower.example:8443";
    let Some(authority) = url.authority().filter(|_| url.scheme_str() == Some("https")) else {
        return Err(format!("does not begin with https://; {wants}"));
    };
    if authority.as_str().contains('@') {
        return Err(format!("has a user name; providers are known by their certificates; {wants}"));
    }
    let port_is_fine = match authority.as_str().strip_prefix(authority.host()) {
        Some("") => true,
        Some(_) => authority.port_u16().is_some_and(|port| port != 0),
        None => false,
    };
    if authority.host().is_empty() || !port_is_fine {
        return Err(format!("has no usable host or port; {wants}"));
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err(format!("has a path or a query; {wants}"));
    }
    Ok(())
}

/// No id twice, and never our own.
pub(super) fn check_peers(
    own_id: Option<&ServiceProviderId>,
    peers: &[Peer],
    place: &dyn Fn(&str) -> String,
    problems: &mut Problems,
) {
    let mut seen = BTreeSet::new();
    for Peer { id, .. } in peers {
        if Some(id) == own_id {
            problems.add(place("peers"), format!("{id} is our own id; a provider is not its own peer, take it out"));
        }
        if !seen.insert(id) {
            problems.add(place("peers"), format!("{id} stands there twice; keep the entry with the right url"));
        }
    }
}

/// A process that listens nowhere serves nobody.
pub(super) fn check_listeners(provider: bool, local: bool, place: &dyn Fn(&str) -> String, problems: &mut Problems) {
    if !provider && !local {
        let sentence = "no listener is configured; set provider.listen for other providers, or the table [local] for \
                        your own service, or both";
        problems.add(place("provider.listen"), sentence.to_owned());
    }
}

/// Each listener needs an address of its own.
pub(super) fn check_addresses(
    provider: &OfProvider,
    public: &OfPublic,
    local: Option<&Local>,
    place: &dyn Fn(&str) -> String,
    problems: &mut Problems,
) {
    let listeners = [
        ("provider.listen", provider.listen),
        ("public.listen", public.listen),
        ("local.listen", local.and_then(|local| local.listen.tcp())),
    ];
    config::check_addresses(&listeners, &mut |key, sentence| problems.add(place(key), sentence));
}
