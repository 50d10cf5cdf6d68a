//! The tables as they are written, before they mean anything; and what they mean.
//!
//! Every key is optional here, so that serde reports shapes and [`Written::parse`] reports what is missing, all in one
//! run.

use std::collections::BTreeSet;

use restante_process::{
    config::{Problems, RelativePathBuf},
    export::WrittenExport,
};
use serde::Deserialize;

use super::{Config, Limits};
use crate::{
    gateway::{Gateway, GatewayUrl, IdentityFiles},
    provider_id::ProviderId,
};

pub(super) type Layers = restante_process::config::Layers<Written>;
type Reader<'a> = restante_process::config::Reader<'a, Written>;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "tables")]
pub(super) struct Written {
    relay: WrittenRelay,
    admin: WrittenAdmin,
    export: Option<WrittenExport>,
    limits: Limits,
    gateways: Vec<WrittenGateway>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenRelay {
    listen: Option<String>,
    cert_file: Option<RelativePathBuf>,
    key_file: Option<RelativePathBuf>,
    tokens_file: Option<RelativePathBuf>,
    state_path: Option<RelativePathBuf>,
    operator: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table")]
struct WrittenAdmin {
    /// A text; read as a path so that a unix socket's can start at the file's folder.
    listen: Option<RelativePathBuf>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a table of its own, [[gateways]]")]
struct WrittenGateway {
    provider: Option<String>,
    url: Option<String>,
    address: Option<String>,
    ca_file: Option<RelativePathBuf>,
    cert_file: Option<RelativePathBuf>,
    key_file: Option<RelativePathBuf>,
}

impl Written {
    /// Reads names, addresses and urls, and reports those that are wrong or missing. `None`: there is a problem.
    pub(super) fn parse(self, layers: &Layers, problems: &mut Problems) -> Option<Config> {
        let reader = &mut Reader::new(layers, problems);
        for (key, sentence) in self.limits.faults() {
            reader.refuse(&format!("limits.{key}"), sentence);
        }
        let operator = parse_operator(reader, self.relay.operator);
        let gateways = parse_gateways(reader, self.gateways, &operator);
        let sentence = "is missing; give the address at which your users reach the relay, such as [::]:8443";
        let listen = reader.required("relay.listen", sentence, self.relay.listen);
        let listen = listen.and_then(|text| reader.tcp("relay.listen", &text));
        let cert_file =
            reader.path("relay.cert_file", "the PEM file with the relay's certificate", self.relay.cert_file);
        let key_file = reader.path("relay.key_file", "the PEM file with its private key", self.relay.key_file);
        let tokens_file = reader.path(
            "relay.tokens_file",
            "the file of your users' tokens; `restante-relay tokens mint --file FILE` begins it",
            self.relay.tokens_file,
        );
        let state_path =
            reader.path("relay.state_path", "the folder of key lists and their logs", self.relay.state_path);
        // `Some(None)`: there is no admin listener.
        let admin = self.admin.listen.map_or(Some(None), |listen| reader.local("admin.listen", &listen).map(Some));
        // `Some(None)`: nothing is exported.
        let export = self.export.map_or(Some(None), |export| export.parse(reader).map(Some));
        Some(Config {
            listen: listen?,
            cert_file: cert_file?,
            key_file: key_file?,
            tokens_file: tokens_file?,
            state_path: state_path?,
            operator,
            admin: admin?,
            export: export?,
            limits: self.limits,
            gateways,
        })
    }
}

fn parse_operator(reader: &mut Reader<'_>, written: Option<Vec<String>>) -> BTreeSet<ProviderId> {
    let sentence = "is missing; list the providers that you run yourself, such as [\"hub.example\"], so that the \
                    relay never becomes a way to your own gateway";
    let written = reader.required("relay.operator", sentence, written).unwrap_or_default();
    let mut ids = BTreeSet::new();
    for (index, id) in written.iter().enumerate() {
        ids.extend(reader.parse::<ProviderId>(&format!("relay.operator.{index}"), "provider", id));
    }
    ids
}

fn parse_gateways(
    reader: &mut Reader<'_>,
    written: Vec<WrittenGateway>,
    operator: &BTreeSet<ProviderId>,
) -> Vec<Gateway> {
    let sentence = "is missing; give a table [[gateways]] for each provider whose users yours want to reach";
    reader.required("gateways", sentence, (!written.is_empty()).then_some(()));
    let mut gateways: Vec<Gateway> = Vec::with_capacity(written.len());
    for (index, gateway) in written.into_iter().enumerate() {
        let Some(gateway) = parse_gateway(reader, &format!("gateways.{index}"), gateway, operator) else { continue };
        if gateways.iter().any(|known| known.provider == gateway.provider) {
            let sentence = format!("{} stands there twice; keep one of the two", gateway.provider);
            reader.refuse(&format!("gateways.{index}.provider"), sentence);
        }
        gateways.push(gateway);
    }
    gateways
}

fn parse_gateway(
    reader: &mut Reader<'_>,
    key: &str,
    written: WrittenGateway,
    operator: &BTreeSet<ProviderId>,
) -> Option<Gateway> {
    let key = |name: &str| format!("{key}.{name}");
    let provider = reader.required(&key("provider"), "is missing; give the provider's domain name", written.provider);
    let provider: Option<ProviderId> = provider.and_then(|text| reader.parse(&key("provider"), "provider", &text));
    let sentence = "is missing; say where the gateway is, such as https://follower.example/.well-known/ohttp-gateway";
    let url = reader.required(&key("url"), sentence, written.url);
    let url: Option<GatewayUrl> = url.and_then(|text| reader.parse(&key("url"), "url of a gateway", &text));
    if let (Some(provider), Some(url)) = (&provider, &url)
        && (url.host() != provider.as_str() || url.port() != 443)
    {
        reader.refuse(&key("url"), elsewhere(provider));
    }
    // The url's host is the provider's name, or was refused above.
    if let Some(provider) = &provider
        && let Some(ours) = operator.iter().find(|ours| ours.is_related(provider))
    {
        let reason = if ours == provider {
            "it stands in relay.operator".to_owned()
        } else {
            format!("{ours} in relay.operator is in the same domain")
        };
        reader.refuse(&key("provider"), own_gateway(provider, &reason));
    }
    // `Some(None)`: none is given.
    let address = written.address.map_or(Some(None), |text| reader.tcp(&key("address"), &text).map(Some));
    let ca_what = "the PEM file with the authorities that its certificate comes from; for public ones that is the \
                   system's bundle, such as /etc/ssl/certs/ca-certificates.crt";
    let ca_file = reader.path(&key("ca_file"), ca_what, written.ca_file);
    let identity = match (written.cert_file, written.key_file) {
        (Some(cert), Some(key)) => Some(IdentityFiles { cert_file: cert.relative(), key_file: key.relative() }),
        (None, None) => None,
        (Some(_), None) => return refuse_half(reader, &key("key_file")),
        (None, Some(_)) => return refuse_half(reader, &key("cert_file")),
    };
    Some(Gateway { provider: provider?, url: url?, address: address?, ca_file: ca_file?, identity })
}

fn refuse_half(reader: &mut Reader<'_>, key: &str) -> Option<Gateway> {
    reader.missing(key, "is missing; a client certificate is cert_file and key_file together");
    None
}

/// Why a url that is not at the provider's own name and port is refused: clients compare the relay's copy of the key list
/// with the one that they fetch there.
fn elsewhere(provider: &ProviderId) -> String {
    format!(
        "is not at https://{provider}, port 443: clients ask for a tunnel to {provider}:443 and for nothing else, so that \
         every fetch would fail; if the gateway listens at another place, give that as `address`"
    )
}

/// Why an operator's own gateway is refused (RFC 9458 §6: relay and gateway are run by different entities). `reason`:
/// what tells that it is.
pub(super) fn own_gateway(provider: &ProviderId, reason: &str) -> String {
    format!(
        "{provider} is one of your own providers: {reason}. Whoever runs both relay and gateway sees who asks and what is \
         asked, and could put the two together; your users reach your own provider directly, take it out"
    )
}
