//! Configurations, as operators write them.

use std::{
    fs,
    path::Path,
    time::{Duration, SystemTime},
};

use restante_process::config::{Sources, facts, keys_of};
use tempfile::TempDir;

use super::*;

/// A folder with files that the sample can use.
fn folder() -> TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    fs::create_dir_all(pki.join("follower.example")).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["follower.example".to_owned()]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let cert = params.self_signed(&key).unwrap().pem();
    fs::write(pki.join("ca.pem"), &cert).unwrap();
    fs::write(pki.join("follower.example/cert.pem"), cert).unwrap();
    let key_file = pki.join("follower.example/key.pem");
    fs::write(&key_file, key.serialize_pem()).unwrap();
    fs::set_permissions(&key_file, fs::Permissions::from_mode(0o600)).unwrap();
    folder
}

fn now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the certificate was made now")]
    SystemTime::now()
}

fn load_in(folder: &Path, text: &str, flags: &[(&str, &str)]) -> Result<Config, String> {
    let file = folder.join("gateway.toml");
    fs::write(&file, text).unwrap();
    let flags = flags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let sources = Sources { file: &file, environment: Vec::new(), flags };
    Config::load(&sources, now()).map_err(|problems| problems.to_string())
}

fn replaced(from: &str, to: &str) -> String {
    assert_eq!(EXAMPLE.matches(from).count(), 1, "{from}");
    EXAMPLE.replace(from, to)
}

/// Loads the sample with one text replaced, which must be refused for one reason.
#[track_caller]
fn assert_refused(from: &str, to: &str, words: &str) {
    let problems = load_in(folder().path(), &replaced(from, to), &[]).unwrap_err();
    assert!(problems.contains(words), "no problem says `{words}`: {problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn the_sample_file_works_as_it_says() {
    let folder = folder();
    let config = load_in(folder.path(), EXAMPLE, &[]).unwrap();
    assert_eq!(config.listen, "127.0.0.1:8443".parse().unwrap(), "what is tried out is nobody else's business");
    assert_eq!(config.authority, "follower.example");
    assert_eq!(config.relays.unwrap().names, BTreeSet::from(["relay.example".to_owned()]));
    assert_eq!(config.keys.path, folder.path().join("gateway-keys"));
    assert_eq!(config.keys.schedule, RotationSchedule::default());
    assert_eq!(config.origin, Origin { url: "http://127.0.0.1:8080".parse().unwrap(), ca_file: None });
    let route = Route { method: Method::POST, path: "/v1/key-package".into(), response_bytes: 8192 };
    assert_eq!(config.routes, [route]);
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.export, None, "nothing is exported unless somebody wants it");
}

#[test]
fn the_sample_file_shows_every_key_with_its_default() {
    let is_value = |value: &str| value == "false" || value.parse::<u64>().is_ok();
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ").and_then(|setting| setting.split_once(" = ")) {
            Some((key, value)) if is_value(value) => format!("{key} = {value}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    // A table that stands there in comments, with no other line of its own.
    let uncommented = uncommented.replace("# [export]", "[export]\nurl = \"http://127.0.0.1:4318/v1/metrics\"");
    let config = load_in(folder().path(), &uncommented, &[]).unwrap();
    assert_eq!((config.limits, config.keys.schedule), (Limits::default(), RotationSchedule::default()));
    let export = config.export.unwrap();
    assert_eq!((export.interval.as_secs(), export.timeout.as_secs()), (60, 10));
    for (table, keys) in keys_of::<written::Written>() {
        for key in keys {
            let shown = [format!("\n{key} = "), format!("\n# {key} = ")];
            assert!(shown.iter().any(|line| uncommented.contains(line)), "{table}.{key} is not in the sample file");
        }
    }
}

#[test]
fn what_is_missing_is_told_in_one_run() {
    let problems = load_in(folder().path(), "", &[]).unwrap_err();
    let keys = [
        "gateway.listen",
        "gateway.cert_file",
        "gateway.key_file",
        "gateway.authority",
        "keys.path",
        "keys.seal_key_file",
        "origin.url",
        "replays.path",
        "routes",
    ];
    for key in keys {
        assert!(problems.contains(&format!(": {key}: is missing")), "{key}: {problems}");
    }
    assert_eq!(problems.lines().count(), keys.len(), "{problems}");
}

#[test]
fn an_origin_is_reached_with_tls_or_on_this_machine() {
    let origin = "url = \"http://127.0.0.1:8080\"";
    assert_refused(origin, "url = \"http://192.0.2.1:80\"", "without TLS");
    assert_refused(origin, "url = \"http://origin.example\"", "without TLS");
    assert_refused(origin, "url = \"ftp://127.0.0.1\"", "neither http nor https");
    assert_refused(origin, "url = \"https://origin.example\"", "origin.ca_file: is missing");
    assert_refused(origin, "url = \"http://user@127.0.0.1\"", "has no host");
    for url in ["http://127.0.0.1/a", "http://127.0.0.1/?a", "http://127.0.0.1/#a"] {
        assert_refused(origin, &format!("url = \"{url}\""), "more than a host and a port");
    }
    assert_refused(origin, "url = \"http://localhost:1\"\nca_file = \"pki/ca.pem\"", "has no use");
    for url in ["http://localhost:1", "http://[::1]:1", "http://127.0.0.1:1/"] {
        load_in(folder().path(), &replaced(origin, &format!("url = \"{url}\"")), &[]).unwrap();
    }
    let https = replaced(origin, "url = \"https://origin.example\"\nca_file = \"pki/ca.pem\"");
    load_in(folder().path(), &https, &[]).unwrap();
}

#[test]
fn never_more_than_two_keys_are_live() {
    let hours = "# life_hours = 168";
    assert_refused(hours, "life_hours = 48", "keys.life_hours: is 48, and must be more than");
    assert_refused("# accept_after_hours = 24", "accept_after_hours = 0", "clients would use keys that are refused");
    load_in(folder().path(), &replaced(hours, "life_hours = 49"), &[]).unwrap();
}

#[test]
fn the_seal_key_does_not_lie_with_what_it_seals() {
    let folder = folder();
    fs::create_dir(folder.path().join("gateway-keys")).unwrap();
    let text = replaced("\"gateway-seal-key\"", "\"gateway-keys/seal-key\"");
    assert!(load_in(folder.path(), &text, &[]).unwrap_err().contains("is inside of keys.path"));
}

#[test]
fn names_paths_and_classes_are_checked() {
    assert_refused("authority = \"follower.example\"", "authority = \"Follower.example\"", "no host in lower case");
    assert_refused("authority = \"follower.example\"", "authority = \"a@b\"", "no host in lower case");
    assert_refused("path = \"/v1/key-package\"", "path = \"v1\"", "no path that begins with a slash");
    assert_refused("method = \"POST\"", "method = \"PO ST\"", "is no method");
    assert_refused("response_bytes = 8192", "response_bytes = 8191", "must be from 8192");
    assert_refused("relays = [\"relay.example\"]", "relays = []", "gateway.relays: is missing");
    assert_refused("relays_ca_file = \"pki/ca.pem\"\n", "", "gateway.relays_ca_file: is missing");
    assert_refused("# in_flight_max = 1024", "in_flight_max = 0", "at least 1 is needed");
    assert_refused("# x_wing = false", "xwing = true", "did you mean `x_wing`?");
}

#[test]
fn listeners_have_an_address_each_and_the_seal_key_is_looked_at() {
    assert_refused("\"127.0.0.1:9292\"", "\"127.0.0.1:8443\"", "admin.listen: is 127.0.0.1:8443, and gateway.listen");
    let folder = folder();
    fs::write(folder.path().join("gateway-seal-key"), "short").unwrap();
    let problems = load_in(folder.path(), EXAMPLE, &[]).unwrap_err();
    assert!(problems.contains("keys.seal_key_file: ") && problems.lines().count() == 1, "{problems}");
}

#[test]
fn a_file_of_another_program_is_told_in_one_line() {
    for (text, program) in [
        (include_str!("../../../../../config/hub.toml"), "restante, "),
        (include_str!("../../../../../config/relay.toml"), "restante-relay, "),
    ] {
        let problems = load_in(folder().path(), text, &[]).unwrap_err();
        assert!(problems.contains(&format!("is a configuration of {program}")), "{problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn flags_stand_above_the_file() {
    let folder = folder();
    let config =
        load_in(folder.path(), EXAMPLE, &[("gateway.listen", "127.0.0.1:0"), ("keys.x_wing", "true")]).unwrap();
    assert_eq!(config.listen.port(), 0);
    assert!(config.keys.schedule.x_wing);
}

#[test]
fn a_seal_key_is_apart_from_marks() {
    let folder = folder();
    fs::create_dir(folder.path().join("gateway-replays")).unwrap();
    let text = replaced("\"gateway-seal-key\"", "\"gateway-replays/seal\"");
    let problems = load_in(folder.path(), &text, &[]).unwrap_err();
    assert!(problems.contains("keys.seal_key_file: lies in replays.path"), "{problems}");
    assert_eq!(problems.lines().count(), 1, "{problems}");
}

#[test]
fn marks_are_apart_from_keys() {
    for path in ["gateway-keys", "gateway-keys/../gateway-keys", "."] {
        let folder = folder();
        fs::create_dir(folder.path().join("gateway-keys")).unwrap();
        let text = replaced("\"gateway-replays\"", &format!("\"{path}\""));
        let problems = load_in(folder.path(), &text, &[]).unwrap_err();
        assert!(problems.contains("replays.path: and keys.path lie in each other"), "{path}: {problems}");
        assert_eq!(problems.lines().count(), 1, "{problems}");
    }
}

#[test]
fn a_certificate_that_ends_soon_is_warned_about() {
    const DAY: Duration = Duration::from_secs(86_400);
    let folder = folder();
    let config = load_in(folder.path(), EXAMPLE, &[]).unwrap();
    let ends = facts(&read_certificates(&config.cert_file).unwrap()[0]).unwrap().not_after;
    let ends = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(ends).unwrap());
    let warned = |before: Duration| config.warnings(ends - before);
    assert_eq!(warned(15 * DAY), [""; 0]);
    assert_eq!(warned(3 * DAY), ["gateway.cert_file expires in 3 days; renew it"]);
}

/// Names do not stand in the log.
#[test]
fn a_certificate_for_another_name_is_warned_about() {
    let folder = folder();
    let is_warned = |authority: &str| {
        let config = load_in(folder.path(), EXAMPLE, &[("gateway.authority", authority)]).unwrap();
        let mut warnings = config.warnings(now());
        warnings.retain(|sentence| sentence.contains("gateway.cert_file"));
        assert!(warnings.iter().all(|sentence| !sentence.contains("example")), "{warnings:?}");
        !warnings.is_empty()
    };
    assert!(!is_warned("follower.example") && !is_warned("follower.example:8443") && !is_warned("[::1]:8443"));
    assert!(is_warned("www.follower.example") && is_warned("hub.example"));
    for (name, host, is_same) in [
        ("*.example", "follower.example", true),
        ("*.example", "a.follower.example", false),
        ("*.example", "example", false),
        ("Follower.example", "follower.example", true),
    ] {
        assert_eq!(is_for(name, host), is_same, "{name} {host}");
    }
}

/// What one relay brings within its budget must not have another refused.
#[test]
fn a_window_that_relays_can_fill_is_warned_about() {
    let folder = folder();
    let warned = |relays: &str, marks: &str| {
        let flags = [("gateway.relays", relays), ("limits.replay_marks_max", marks)];
        let warnings = load_in(folder.path(), EXAMPLE, &flags).unwrap().warnings(now());
        warnings.into_iter().filter(|sentence| sentence.contains("limits.replay_marks_max")).count()
    };
    let (four, five) =
        (r#"["a.example", "b.example", "c.example", "d.example"]"#, r#"["a.ex", "b.ex", "c.ex", "d.ex", "e.ex"]"#);
    assert_eq!((warned(four, "500000"), warned(five, "500000"), warned(five, "700000")), (0, 1, 0));
}

/// The relay's operator would know both halves. Names do not stand in the log.
#[test]
fn relays_that_have_one_holder_with_the_gateway_are_warned_about() {
    let folder = folder();
    let warned = |flags: &[(&str, &str)]| {
        let mut config = load_in(folder.path(), EXAMPLE, flags).unwrap();
        config.limits.connections_max = 1;
        let mut warnings = config.warnings(now());
        warnings.retain(|sentence| sentence.contains("gateway.relays"));
        warnings
    };
    assert!(warned(&[]).is_empty());
    let own = r#"["relay.example", "relay.follower.example", "follower.example"]"#;
    for authority in ["follower.example", "www.follower.example:8443"] {
        let warnings = warned(&[("gateway.relays", own), ("gateway.authority", authority)]);
        assert!(
            warnings.len() == 1 && warnings[0].contains("2 of 3") && !warnings[0].contains("example"),
            "{warnings:?}"
        );
    }
}
