//! Configurations, as operators write them.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use restante_process::config::{Sources, facts, read_certificates};
use tempfile::TempDir;

use super::*;

const RELAY: &str = r#"
[relay]
listen = "127.0.0.1:0"
cert_file = "cert.pem"
key_file = "key.pem"
tokens_file = "tokens"
state_path = "state"
operator = ["hub.example"]
"#;

const GATEWAY: &str = r#"
[[gateways]]
provider = "follower.example"
url = "https://follower.example/.well-known/ohttp-gateway"
ca_file = "cert.pem"
"#;

/// A folder with files that can be used.
fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["relay.hub.example".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    fs::write(folder.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
    fs::write(folder.path().join("key.pem"), key.serialize_pem()).unwrap();
    fs::set_permissions(folder.path().join("key.pem"), fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(folder.path().join("tokens"), "# nobody yet\n").unwrap();
    folder
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the certificate was made now")]
    SystemTime::now()
}

fn load_with(
    folder: &Path,
    text: &str,
    environment: &[(&str, &str)],
    flags: &[(&str, &str)],
) -> Result<Config, String> {
    let file = folder.join("relay.toml");
    fs::write(&file, text).unwrap();
    let owned = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let sources = Sources { file: &file, environment: owned(environment), flags: owned(flags) };
    Config::load(&sources, now()).map_err(|problems| problems.to_string())
}

fn load(text: &str) -> Result<Config, String> {
    load_with(folder().path(), text, &[], &[])
}

#[test]
fn what_must_be_given_is_enough() {
    let folder = folder();
    let config = load_with(folder.path(), &[RELAY, GATEWAY].concat(), &[], &[]).unwrap();
    assert_eq!(config.tokens_file, folder.path().join("tokens"));
    assert_eq!(config.gateways[0].url.tunnel_authority(), "follower.example:443");
    assert_eq!((config.admin, config.limits), (None, Limits::default()));
}

#[test]
fn a_certificate_that_ends_soon_is_warned_about() {
    const DAY: Duration = Duration::from_secs(86_400);
    let folder = folder();
    let config = load_with(folder.path(), &[RELAY, GATEWAY].concat(), &[], &[]).unwrap();
    let ends = facts(&read_certificates(&config.cert_file).unwrap()[0]).unwrap().not_after;
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(ends).unwrap());
    assert_eq!(config.warnings(ends - 15 * DAY), [""; 0]);
    assert_eq!(config.warnings(ends - 3 * DAY), ["relay.cert_file expires in 3 days; renew it"]);
    // Also the one that a gateway knows us by.
    let known = [GATEWAY, "cert_file = \"cert.pem\"\nkey_file = \"key.pem\"\n"].concat();
    let config = load_with(folder.path(), &[RELAY, &known].concat(), &[], &[]).unwrap();
    let told = config.warnings(ends - 3 * DAY);
    assert_eq!(told.last().unwrap(), "gateways[0].cert_file expires in 3 days; renew it");
    assert_eq!(told.len(), 2);
}

/// A reload would wait for a pipe, or read a device, for ever.
#[test]
fn files_are_regular_ones() {
    for (from, key) in [("\"tokens\"", "relay.tokens_file"), ("\"cert.pem\"", "relay.cert_file")] {
        let problems = load(&[&RELAY.replace(from, "\"/dev/null\""), GATEWAY].concat()).unwrap_err();
        assert!(problems.contains(key) && problems.contains("no regular file"), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn an_operator_s_own_gateway_is_refused_with_the_reason() {
    for provider in ["hub.example", "mimi.hub.example", "a.b.hub.example"] {
        let problems = load(&[RELAY, &GATEWAY.replace("follower.example", provider)].concat()).unwrap_err();
        assert!(problems.contains("gateways[0].provider: "), "{provider}: {problems}");
        assert!(problems.contains("hub.example") && problems.contains("sees who asks and what"), "{problems}");
    }
    // The other way round: what the operator runs stands below the gateway's name.
    let below =
        RELAY.replace("operator = [\"hub.example\"]", "operator = [\"hub.example\", \"mimi.follower.example\"]");
    let problems = load(&[&below, GATEWAY].concat()).unwrap_err();
    assert!(problems.contains("mimi.follower.example in relay.operator is in the same domain"), "{problems}");
    // Beside each other in one domain.
    let beside = |domain: &str| {
        let ours = RELAY.replace("\"hub.example\"", &format!("\"hub.{domain}\""));
        load(&[ours, GATEWAY.replace("follower.example", &format!("follower.{domain}"))].concat())
    };
    for domain in ["example.org", "mimi.example.org", "example.co.uk"] {
        let problems = beside(domain).unwrap_err();
        assert!(problems.contains(&format!("hub.{domain} in relay.operator is in the same domain")), "{problems}");
    }
    // Half of a label is no domain, and neither is what many share.
    for provider in ["nothub.example", "hub.example.net", "example.hub", "other.example"] {
        load(&[RELAY, &GATEWAY.replace("follower.example", provider)].concat()).unwrap();
    }
    beside("co.uk").unwrap();
    let problems = load(&[&RELAY.replace("operator = [\"hub.example\"]", ""), GATEWAY].concat()).unwrap_err();
    assert!(problems.contains("relay.operator: is missing"), "{problems}");
}

#[test]
fn a_gateway_in_the_domain_of_the_relay_s_own_name_is_refused() {
    // Clients see that name, and refuse such a relay.
    let elsewhere = RELAY.replace("hub.example", "elsewhere.example");
    for provider in ["hub.example", "gateway.hub.example"] {
        let problems =
            load(&[elsewhere.as_str(), &GATEWAY.replace("follower.example", provider)].concat()).unwrap_err();
        assert!(problems.contains("gateways[0].provider: "), "{problems}");
        assert!(problems.contains("relay.hub.example (relay.cert_file) is in the same domain"), "{problems}");
    }
    load(&[elsewhere.as_str(), GATEWAY].concat()).unwrap();
}

#[test]
fn a_gateway_that_no_client_s_tunnel_leads_to_is_refused() {
    for url in ["https://gateway.follower.example/x", "https://follower.example:8443/x", "https://other.example/x"] {
        let gateway = GATEWAY.replace("https://follower.example/.well-known/ohttp-gateway", url);
        let problems = load(&[RELAY, &gateway].concat()).unwrap_err();
        assert!(problems.contains("gateways[0].url: ") && problems.contains("give that as `address`"), "{problems}");
    }
    let gateway = GATEWAY.replace("https://follower.example/", "https://follower.example:443/");
    let placed = [RELAY, &gateway, "address = \"192.0.2.7:8443\"\n"].concat();
    let config = load_with(folder().path(), &placed, &[], &[]);
    assert_eq!(config.unwrap().gateways[0].address, Some("192.0.2.7:8443".parse().unwrap()));
}

#[test]
fn every_problem_is_told_in_one_run() {
    let text = r#"
        [relay]
        listen = "somewhere"
        certfile = "cert.pem"
        key_file = "missing.pem"
        operator = ["Hub"]
        [admin]
        listen = "192.0.2.1:80"
        [limits]
        request_bytes = 0
        reading_bytes_max = 2047
        key_refresh_min_seconds = 100
        key_refresh_max_seconds = 99
        [[gateways]]
        provider = "follower.example"
        url = "http://follower.example/"
        address = "follower"
        [[gateways]]
        provider = "follower.example"
        url = "https://follower.example/"
        ca_file = "cert.pem"
        cert_file = "cert.pem"
    "#;
    let problems = load(text).unwrap_err();
    for expected in [
        "relay.listen: `somewhere`",
        "relay.certfile: is not a setting; did you mean `cert_file`?",
        "relay.tokens_file: is missing",
        "relay.state_path: is missing",
        "relay.operator[0]: `Hub` is no provider",
        "admin.listen: 192.0.2.1:80 can be reached from other machines",
        "limits.request_bytes: is 0",
        "limits.reading_bytes_max: has no room for one request of request_bytes; give at least 2048",
        "limits.key_refresh_max_seconds: is less",
        "gateways[0].url: `http://follower.example/` is no url of a gateway",
        "gateways[0].address: `follower` is not an address",
        "gateways[0].ca_file: is missing",
        "gateways[1].key_file: is missing",
    ] {
        assert!(problems.contains(expected), "{expected}\n---\n{problems}");
    }
}

#[test]
fn files_are_looked_into() {
    let folder = folder();
    fs::write(folder.path().join("tokens"), "not a hash\n").unwrap();
    fs::write(folder.path().join("authorities"), "nothing\n").unwrap();
    let text = [RELAY, &GATEWAY.replace("\"cert.pem\"", "\"authorities\"")].concat();
    let problems = load_with(folder.path(), &text.replace("\"key.pem\"", "\"no-key.pem\""), &[], &[]).unwrap_err();
    for expected in ["relay.key_file: ", "relay.tokens_file: ", "line 1 is no hash", "gateways[0].ca_file: "] {
        assert!(problems.contains(expected), "{expected}\n---\n{problems}");
    }
}

#[test]
fn a_file_of_another_program_is_told_in_one_line() {
    for (text, program) in [
        (include_str!("../../../config/hub.toml"), "restante, "),
        (include_str!("../../../config/gateway.toml"), "restante-gateway, "),
    ] {
        let problems = load(text).unwrap_err();
        assert!(problems.contains(&format!("is a configuration of {program}")), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn the_admin_listener_has_an_address_of_its_own() {
    let text = [&RELAY.replace("127.0.0.1:0", "127.0.0.1:8444"), GATEWAY].concat();
    let load = |admin| load_with(folder().path(), &text, &[], &[("admin.listen", admin)]);
    load("127.0.0.1:8445").unwrap();
    let problems = load("127.0.0.1:8444").unwrap_err();
    assert!(problems.starts_with("--set admin.listen: is 127.0.0.1:8444, and relay.listen is"), "{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn a_gateway_stands_there_once_and_there_is_at_least_one() {
    let problems = load(&[RELAY, GATEWAY, GATEWAY].concat()).unwrap_err();
    assert!(problems.contains("gateways[1].provider: follower.example stands there twice"), "{problems}");
    assert!(load(RELAY).unwrap_err().contains("gateways: is missing"));
}

#[test]
fn variables_stand_above_the_file_and_flags_above_them() {
    let folder = folder();
    let text = [RELAY, GATEWAY].concat();
    let variable = ("RESTANTE_RELAY_ADMIN__LISTEN", "127.0.0.1:1");
    let config = load_with(folder.path(), &text, &[variable], &[]).unwrap();
    assert_eq!(config.admin.unwrap().to_string(), "127.0.0.1:1");
    let config = load_with(folder.path(), &text, &[variable], &[("admin.listen", "127.0.0.1:2")]).unwrap();
    assert_eq!(config.admin.unwrap().to_string(), "127.0.0.1:2");
}

#[test]
fn the_sample_is_right_and_shows_every_default() {
    let folder = folder();
    for (sample, ours) in [
        ("pki/relay.hub.example/cert.pem", "cert.pem"),
        ("pki/relay.hub.example/key.pem", "key.pem"),
        ("pki/ca.pem", "cert.pem"),
    ] {
        let copy = folder.path().join(sample);
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(folder.path().join(ours), copy).unwrap();
    }
    fs::copy(folder.path().join("tokens"), folder.path().join("relay-tokens")).unwrap();
    let plain = load_with(folder.path(), EXAMPLE, &[], &[]).unwrap();
    assert_eq!(plain.export, None, "nothing is exported unless somebody wants it");
    // With the comment marks taken off its settings, it says the same, and every key is there.
    let (before, export) = EXAMPLE.split_once("# [export]\n").unwrap();
    let (export, after) = export.split_once("\n\n").unwrap();
    let is_setting = |line: &str| {
        line.strip_prefix("# ").is_some_and(|rest| {
            rest.contains(" = ")
                && !rest.starts_with("cert_file")
                && !rest.starts_with("key_file")
                && !rest.starts_with("address")
        })
    };
    let spelt: String = [before, after]
        .concat()
        .lines()
        .map(|line| format!("{}\n", if is_setting(line) { &line[2..] } else { line }))
        .collect();
    assert_eq!(load_with(folder.path(), &spelt, &[], &[]).unwrap(), plain);
    let written = format!("{:?}", Limits::default());
    for field in
        written.split(&['{', ',', '}'][..]).filter_map(|part| part.split_once(':')).map(|(name, _)| name.trim())
    {
        assert!(spelt.contains(&format!("\n{field} = ")), "{field}");
    }
    // A table that stands there in comments: with all of its keys, and their defaults.
    let secret = folder.path().join("collector-authorization");
    fs::write(&secret, "Bearer secret").unwrap();
    fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let is_key = |line: &&str| line.strip_prefix("# ").is_some_and(|rest| rest.contains(" = "));
    let lines: Vec<_> = export.lines().filter(is_key).map(|line| &line[2..]).collect();
    let tables = restante_process::config::keys_of::<written::Written>();
    let (_, keys) = tables.iter().find(|(table, _)| *table == "export").unwrap();
    for key in *keys {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{key} = "))), "export.{key}");
    }
    let config = load_with(folder.path(), &format!("{EXAMPLE}\n[export]\n{}", lines.join("\n")), &[], &[]).unwrap();
    let config = config.export.unwrap();
    assert_eq!((config.interval.as_secs(), config.timeout.as_secs()), (60, 10));
}
