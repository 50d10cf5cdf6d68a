//! The tables as they are written, before they mean anything; and what they mean.
//!
//! Every key is optional here, so that serde reports shapes and [`Written::parse`] reports what is missing, all in one
//! run.

use std::collections::BTreeSet;

use http::{Method, Uri, uri::Authority};
use restante_gateway::{RotationSchedule, SMALLEST_CLASS};
use restante_process::{
    config::{Problems, RelativePathBuf, is_this_machine},
    export::WrittenExport,
};
use serde::Deserialize;

use super::{Config, Keys, Limits, Origin, Relays, Route};

/// No answer is larger.
const RESPONSE_BYTES_MAX: u32 = 1024 * 1024;

const HOUR_MS: u64 = 60 * 60 * 1000;

pub(super) type Layers = restante_process::config::Layers<Written>;
type Reader<'a> = restante_process::config::Reader<'a, Written>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "tables")]
pub(super) struct Written {
    gateway: WrittenGateway,
    keys: WrittenKeys,
    origin: WrittenOrigin,
    replays: WrittenReplays,
    routes: Vec<WrittenRoute>,
    admin: WrittenAdmin,
    export: Option<WrittenExport>,
    limits: Limits,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenGateway {
    listen: Option<String>,
    cert_file: Option<RelativePathBuf>,
    key_file: Option<RelativePathBuf>,
    authority: Option<String>,
    relays_ca_file: Option<RelativePathBuf>,
    relays: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenKeys {
    path: Option<RelativePathBuf>,
    seal_key_file: Option<RelativePathBuf>,
    life_hours: u32,
    publish_ahead_hours: u32,
    accept_after_hours: u32,
    x_wing: bool,
}

impl Default for WrittenKeys {
    fn default() -> Self {
        Self {
            path: None,
            seal_key_file: None,
            life_hours: 168,
            publish_ahead_hours: 24,
            accept_after_hours: 24,
            x_wing: false,
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenOrigin {
    url: Option<String>,
    ca_file: Option<RelativePathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenReplays {
    path: Option<RelativePathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of its own, [[routes]]")]
struct WrittenRoute {
    method: Option<String>,
    path: Option<String>,
    response_bytes: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenAdmin {
    /// A text; read as a path so that a unix socket's can start at the file's folder.
    listen: Option<RelativePathBuf>,
}

impl Written {
    /// Reads names, addresses and urls, and reports those that are wrong or missing. `None`: there is a problem.
    pub(super) fn parse(self, layers: &Layers, problems: &mut Problems) -> Option<Config> {
        let reader = &mut Reader::new(layers, problems);
        for (key, sentence) in self.limits.faults() {
            reader.refuse(&format!("limits.{key}"), sentence);
        }
        let keys = parse_keys(reader, self.keys, &self.limits);
        let origin = parse_origin(reader, self.origin);
        let replays = reader.path("replays.path", "the folder of marks of requests", self.replays.path);
        let routes = parse_routes(reader, self.routes);
        // `Some(None)`: there is no admin listener.
        let admin = self.admin.listen.map_or(Some(None), |listen| reader.local("admin.listen", &listen).map(Some));
        let gateway = self.gateway;
        let relays = parse_relays(reader, gateway.relays_ca_file, gateway.relays);
        let authority = parse_authority(reader, gateway.authority);
        let sentence = "is missing; give the address at which relays reach the gateway, such as [::]:8443";
        let listen = reader.required("gateway.listen", sentence, gateway.listen);
        let listen = listen.and_then(|text| reader.tcp("gateway.listen", &text));
        let cert_file =
            reader.path("gateway.cert_file", "the PEM file with the gateway's certificate", gateway.cert_file);
        let key_file = reader.path("gateway.key_file", "the PEM file with its private key", gateway.key_file);
        // `Some(None)`: nothing is exported.
        let export = self.export.map_or(Some(None), |export| export.parse(reader).map(Some));
        Some(Config {
            listen: listen?,
            cert_file: cert_file?,
            key_file: key_file?,
            authority: authority?,
            relays: relays?,
            keys: keys?,
            origin: origin?,
            replays: replays?,
            routes: routes?,
            admin: admin?,
            export: export?,
            limits: self.limits,
        })
    }
}

fn parse_authority(reader: &mut Reader<'_>, written: Option<String>) -> Option<String> {
    let sentence = "is missing; give the name that requests inside must have, such as follower.example";
    let text = reader.required("gateway.authority", sentence, written)?;
    let parsed = text.parse::<Authority>().ok().filter(|authority| !authority.as_str().contains('@'));
    if parsed.is_none() || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        let sentence = format!("`{text}` is no host in lower case with perhaps a port, such as follower.example");
        reader.refuse("gateway.authority", sentence);
        return None;
    }
    Some(text)
}

/// `Some(None)`: all relays share one budget.
fn parse_relays(
    reader: &mut Reader<'_>,
    ca_file: Option<RelativePathBuf>,
    names: Option<Vec<String>>,
) -> Option<Option<Relays>> {
    let (ca_file, names) = match (ca_file, names) {
        (None, None) => return Some(None),
        (Some(ca_file), Some(names)) if !names.is_empty() => (ca_file, names),
        (None, Some(_)) => {
            let sentence = "is missing; name the PEM file with the authorities of the relays' certificates";
            reader.missing("gateway.relays_ca_file", sentence);
            return None;
        }
        (Some(_), _) => {
            let sentence = "is missing; list the names in the relays' certificates, such as [\"relay.example\"]";
            reader.missing("gateway.relays", sentence);
            return None;
        }
    };
    let names: BTreeSet<String> = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    Some(Some(Relays { ca_file: ca_file.relative(), names }))
}

fn parse_keys(reader: &mut Reader<'_>, written: WrittenKeys, limits: &Limits) -> Option<Keys> {
    let path = reader.path("keys.path", "the folder of the gateway's keys", written.path);
    let seal_key_file = reader.path("keys.seal_key_file", "the file of the key that seals them", written.seal_key_file);
    let hours = [written.life_hours, written.publish_ahead_hours, written.accept_after_hours];
    let [life, ahead, after] = hours.map(u64::from);
    if life <= ahead + after {
        let sentence = format!(
            "is {life}, and must be more than publish_ahead_hours and accept_after_hours together ({}), so that no \
             more than two keys are live",
            ahead + after
        );
        reader.refuse("keys.life_hours", sentence);
    }
    if u64::from(limits.list_max_age_seconds) > ahead.min(after) * 3600 {
        let sentence = "is more than keys.publish_ahead_hours or keys.accept_after_hours: clients would use keys \
                        that are refused already";
        reader.refuse("limits.list_max_age_seconds", sentence.to_owned());
    }
    let schedule = RotationSchedule {
        life_ms: life * HOUR_MS,
        publish_ahead_ms: ahead * HOUR_MS,
        accept_after_ms: after * HOUR_MS,
        x_wing: written.x_wing,
    };
    Some(Keys { path: path?, seal_key_file: seal_key_file?, schedule })
}

fn parse_origin(reader: &mut Reader<'_>, written: WrittenOrigin) -> Option<Origin> {
    let sentence = "is missing; say where opened requests go, such as http://127.0.0.1:8080";
    let text = reader.required("origin.url", sentence, written.url)?;
    let url = match origin_url(&text) {
        Ok(url) => url,
        Err(sentence) => {
            reader.refuse("origin.url", sentence);
            return None;
        }
    };
    let ca_file = reader.authorities("origin", "origin", url.scheme_str() == Some("https"), written.ca_file)?;
    Some(Origin { url, ca_file })
}

fn parse_routes(reader: &mut Reader<'_>, written: Vec<WrittenRoute>) -> Option<Vec<Route>> {
    let sentence = "is missing; give a table [[routes]] for each method and path that may be asked for";
    reader.required("routes", sentence, (!written.is_empty()).then_some(()))?;
    let mut routes: Vec<Route> = Vec::with_capacity(written.len());
    let mut complete = true;
    for (index, route) in written.into_iter().enumerate() {
        let Some(route) = parse_route(reader, index, route) else {
            complete = false;
            continue;
        };
        if routes.iter().any(|known| (&known.method, &known.path) == (&route.method, &route.path)) {
            reader.refuse(&format!("routes.{index}.path"), "stands there twice; keep one of the two".to_owned());
        }
        routes.push(route);
    }
    complete.then_some(routes)
}

fn parse_route(reader: &mut Reader<'_>, index: usize, written: WrittenRoute) -> Option<Route> {
    let key = |name: &str| format!("routes.{index}.{name}");
    let method = written.method.unwrap_or_else(|| "POST".to_owned());
    let method = Method::from_bytes(method.as_bytes())
        .map_err(|_| reader.refuse(&key("method"), format!("`{method}` is no method, such as POST")))
        .ok();
    let path = reader.required(&key("path"), "is missing; give a path, such as /v1/key-package", written.path)?;
    let is_path = path.parse::<Uri>().is_ok_and(|uri| uri.authority().is_none()) && path.starts_with('/');
    if !is_path {
        reader.refuse(&key("path"), format!("`{path}` is no path that begins with a slash"));
    }
    let bytes = written.response_bytes.unwrap_or(8192);
    let smallest = u32::try_from(SMALLEST_CLASS).unwrap_or(u32::MAX);
    if !(smallest..=RESPONSE_BYTES_MAX).contains(&bytes) {
        let sentence = format!("is {bytes}, and must be from {smallest} to {RESPONSE_BYTES_MAX}");
        reader.refuse(&key("response_bytes"), sentence);
    }
    Some(Route { method: method?, path: is_path.then_some(path)?, response_bytes: bytes as usize })
}

/// Scheme, host, perhaps a port. Without TLS only to this machine: what was opened is in clear from here on.
fn origin_url(text: &str) -> Result<Uri, String> {
    let wants = "give http or https, a host and perhaps a port, such as http://127.0.0.1:8080";
    let url: Uri = text.parse().map_err(|_| format!("`{text}` is no url; {wants}"))?;
    let Some(authority) = url.authority().filter(|authority| !authority.as_str().contains('@')) else {
        return Err(format!("`{text}` has no host; {wants}"));
    };
    if !matches!(url.path(), "" | "/") || url.query().is_some() || text.contains('#') {
        return Err(format!("`{text}` has more than a host and a port; {wants}: the paths are those of [[routes]]"));
    }
    match url.scheme_str() {
        Some("https") => Ok(url),
        Some("http") if is_this_machine(authority) => Ok(url),
        Some("http") => Err(format!(
            "`{text}` leads to another machine without TLS, and requests are in clear there; use https, or an origin on \
             this machine"
        )),
        _ => Err(format!("`{text}` is neither http nor https; {wants}")),
    }
}
