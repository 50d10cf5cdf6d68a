//! Whole configurations, from the layers to the checks of files.

use std::{
    fs,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::*;
use crate::dev_pki::{self, Existing};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// 2026-01-01T00:00:00Z
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_767_225_600)
}

/// A folder in which the sample file works: certificates, a token and `hub.toml`.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let ids = ["hub.example", "follower.example"].map(|id| id.parse().unwrap());
        dev_pki::issue(&dir.path().join("pki"), &ids, Existing::Refuse, now()).unwrap();
        let folder = Self(dir);
        folder.write_secret("service-token", "0123456789abcdef\n");
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write_secret(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
        self.set_mode(name, 0o600);
    }

    fn set_mode(&self, name: &str, mode: u32) {
        #[cfg(unix)]
        fs::set_permissions(self.path(name), std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
    }

    fn load_layers(&self, toml: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
        let file = self.path("hub.toml");
        fs::write(&file, toml).unwrap();
        let owned = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let sources = Sources { file: &file, environment: owned(environment), flags: owned(flags) };
        Config::load(&sources, now()).map_err(|problems| problems.to_string())
    }

    fn load(&self, toml: &str) -> Result<Config, String> {
        self.load_layers(toml, &[], &[])
    }

    /// Loads the sample file with one text replaced, which must be refused, and gives the problems.
    fn refuse(&self, from: &str, to: &str) -> String {
        self.load(&replaced(from, to)).unwrap_err()
    }
}

fn replaced(from: &str, to: &str) -> String {
    // The table [public] stands there in comments, and names the same files as others.
    let (before, public) = EXAMPLE.split_once("# [public]").unwrap();
    let (_, after) = public.split_once("\n\n").unwrap();
    let example = format!("{before}\n\n{after}");
    assert_eq!(example.matches(from).count(), 1, "{from}");
    example.replace(from, to)
}

/// The problems: a line for each word, in any order, and no others.
#[track_caller]
fn assert_problems(problems: &str, words: &[&str]) {
    for word in words {
        assert!(problems.lines().any(|line| line.contains(word)), "no problem says `{word}`:\n{problems}");
    }
    assert_eq!(problems.lines().count(), words.len(), "{problems}");
}

#[test]
fn the_sample_file_works_as_it_says() {
    let folder = Folder::new();
    let config = folder.load(EXAMPLE).unwrap();
    assert_eq!(config.provider.id.as_str(), "hub.example");
    assert_eq!(config.provider.listen, Some("[::]:8443".parse().unwrap()));
    assert_eq!(config.provider.cert_file, folder.path("pki/hub.example/cert.pem"));
    assert_eq!(config.local.as_ref().unwrap().listen, LocalAddress::Tcp("127.0.0.1:8080".parse().unwrap()));
    assert_eq!(config.store.path, folder.path("data"));
    assert_eq!(config.peers[0].id.as_str(), "follower.example");
    assert_eq!(config.peers[0].url, "https://follower.example:8443");
    assert_eq!((config.limits, config.policy), (Limits::default(), Policy::default()));
    assert_eq!(config.check(now()), Ok(()));
    assert_eq!(*config.local.unwrap().read_service_token().unwrap(), "0123456789abcdef");
}

#[test]
fn the_sample_file_shows_every_key_with_its_default() {
    let uncommented: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if is_setting(setting) => format!("{setting}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let config = Folder::new().load(&uncommented).unwrap();
    assert_eq!((config.limits, config.policy), (Limits::default(), Policy::default()));
    let public = config.public.unwrap();
    assert_eq!(
        (public.requests_per_second_and_relay, public.requests_per_second_of_others),
        (Public::EACH_RELAY, Public::OTHERS)
    );
    assert!(!public.x_wing);
    for (table, keys) in restante_process::config::keys_of::<Written>() {
        for key in keys {
            let line_start = format!("\n{key} = ");
            assert!(uncommented.contains(&line_start), "{table}.{key} is not in the sample file");
        }
    }
}

/// A table, or a key with a value.
fn is_setting(text: &str) -> bool {
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    match text.split_once(" = ") {
        Some((key, _)) => is_name(key),
        None => text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).is_some_and(is_name),
    }
}

#[test]
fn the_gateway_s_table_is_checked_like_the_others() {
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n";
    let with = |from: &str, to: &str| {
        assert!(public.contains(from), "{from}");
        Folder::new().load(&EXAMPLE.replace("[store]", &format!("{}[store]", public.replace(from, to))))
    };
    let config = with("listen", "listen").unwrap().public.unwrap();
    assert_eq!((config.relays, config.x_wing), (None, false));
    let known = "x_wing = true\nrelay_ca_file = \"pki/ca.pem\"\nrelays = [\"relay.example\"]";
    let relays = with("keys_path", &format!("{known}\nkeys_path")).unwrap().public.unwrap().relays.unwrap();
    assert_eq!(relays.names.iter().map(|name| name.as_str()).collect::<Vec<_>>(), ["relay.example"]);
    for (from, to, problem) in [
        ("[::1]:0", "443", "public.listen: `443` is not an address and a port"),
        ("hub.example/cert", "follower.example/cert", "public.cert_file: "),
        ("\"seal\"", "\"keys/seal\"", "public.seal_key_file: lies in public.keys_path"),
        ("keys_path = \"keys\"", "", "public.keys_path: is missing"),
        ("keys_path", "relay_ca_file = \"pki/ca.pem\"\nkeys_path", "public.relays: is missing"),
        ("keys_path", "relay_ca_file = \"pki/ca.pem\"\nrelays = []\nkeys_path", "public.relays: is missing"),
        ("keys_path", "relays = [\"relay.example\"]\nkeys_path", "public.relay_ca_file: is missing"),
        (
            "keys_path",
            "relay_ca_file = \"pki/ca.pem\"\nrelays = [\"*.example\"]\nkeys_path",
            "public.relays: `*.example` is no id",
        ),
        (
            "keys_path",
            "relay_ca_file = \"none.pem\"\nrelays = [\"relay.example\"]\nkeys_path",
            "public.relay_ca_file: ",
        ),
        ("seal_key_file = \"seal\"", "x_wings = true", "did you mean `x_wing`?"),
        ("seal_key_file = \"seal\"", "seal_key_file = \"seal\"\nrequests_per_second_of_others = 0", "nonzero"),
    ] {
        let problems = with(from, to).unwrap_err();
        assert!(problems.contains(problem), "{problem}: {problems}");
    }
}

/// All in one run, whichever stands first.
#[test]
fn every_name_of_a_relay_that_is_none_is_said() {
    let folder = Folder::new();
    let names = r#"["*.example", "relay.example", "relay.example", "no name"]"#;
    let flags = [("public.relays", names), ("public.relay_ca_file", "pki/ca.pem")];
    let problems = folder.load_layers(EXAMPLE, &[], &flags).unwrap_err();
    for problem in ["`*.example` is no id", "`no name` is no id", "relay.example stands there twice"] {
        assert!(problems.contains(problem), "{problem}: {problems}");
    }
}

#[test]
fn numbers_of_key_packages_that_contradict_each_other_are_refused() {
    for (key, value) in
        [("key_packages_per_client", "1025"), ("key_package_low_water_mark", "257"), ("clients_per_user", "257")]
    {
        let flags = [(format!("policy.{key}"), value)];
        let flags: Vec<_> = flags.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        let problems = Folder::new().load_layers(EXAMPLE, &[], &flags).unwrap_err();
        assert_problems(&problems, &[&format!("policy.{key}: ")]);
    }
}

#[test]
fn the_defaults_are_those_of_the_protocol() {
    let limits = Limits::default();
    assert_eq!(
        (limits.application_message_bytes, limits.handshake_bytes, limits.welcome_bytes, limits.group_info_bytes),
        (256 << 10, 4 << 20, 16 << 20, 32 << 20)
    );
    assert_eq!((limits.page_bytes, limits.wait_seconds_max, limits.drain_seconds), (4 << 20, 50, 60));
    let policy = Policy::default();
    assert_eq!((policy.orphan_hours, policy.shared_orphan_hours, policy.group_id_reservation_hours), (24, 72, 24));
    assert_eq!(policy.partitions_per_provider_and_group, 64);
    assert_eq!((policy.bytes_per_provider_and_group, policy.all_groups_factor), (8 << 20, 8));
    assert_eq!((policy.hint_epochs_max, policy.hint_bytes_max, policy.hint_window_days), (8, 1 << 20, 30));
    assert_eq!(policy.late_minutes, 15);
}

#[test]
fn flags_stand_above_the_environment_and_that_above_the_file() {
    let folder = Folder::new();
    let environment = [
        ("RESTANTE_LOCAL__LISTEN", "[::1]:2"),
        ("RESTANTE_LIMITS__CONNECTIONS_MAX", "7"),
        ("RESTANTE_STORE__PATH", "/"),
        ("RESTANTE_PORT", "tcp://10.0.0.1:80"),
        ("RESTANTE_LOG", "debug"),
    ];
    let config = folder.load_layers(EXAMPLE, &environment, &[("limits.connections_max", "8")]).unwrap();
    assert_eq!(config.local.unwrap().listen.to_string(), "[::1]:2");
    assert_eq!(config.limits.connections_max, 8);
    assert_eq!(config.store.path, Path::new("/"));
    assert_eq!(config.provider.listen.unwrap().port(), 8443);
}

#[test]
fn peers_can_come_from_the_environment() {
    let peers = r#"[{id="a.example", url="https://127.0.0.1:1"}, {id="b.example", url="https://[::1]:2"}]"#;
    let config = Folder::new().load_layers(EXAMPLE, &[("RESTANTE_PEERS", peers)], &[]).unwrap();
    let ids: Vec<_> = config.peers.iter().map(|peer| peer.id.as_str()).collect();
    assert_eq!(ids, ["a.example", "b.example"]);
}

#[test]
fn relative_paths_start_where_they_were_written() {
    let folder = Folder::new();
    let config = folder.load(&replaced("\"127.0.0.1:8080\"", "\"unix:local.sock\"")).unwrap();
    assert_eq!(config.local.unwrap().listen, LocalAddress::Unix(folder.path("local.sock")));
    let config = folder.load_layers(EXAMPLE, &[], &[("store.path", "here")]).unwrap();
    assert_eq!(config.store.path, Path::new("here"));
}

#[test]
fn unknown_keys_are_named_with_the_nearest_one_and_their_place() {
    let folder = Folder::new();
    let problems = folder.refuse("listen = \"127.0.0.1:8080\"", "lisen = \"127.0.0.1:8080\"");
    assert_problems(&problems, &["hub.toml: local.lisen: is not a setting; did you mean `listen`?"]);
    let problems = folder.refuse("[policy]", "[policy]\nconnections_max = 1");
    assert_problems(&problems, &["policy.connections_max: is not a setting here; it belongs in [limits]"]);
    let problems = folder.refuse("[policy]", "[police]\n[colours]\n[policy]");
    assert_problems(
        &problems,
        &[
            "colours: is not a setting; known here: provider, public, local,",
            "police: is not a setting; did you mean `policy`?",
        ],
    );
    let problems = folder.refuse("url = \"https://follower", "uri = \"https://follower");
    assert_problems(&problems, &["hub.toml: peers[0].uri: is not a setting; did you mean `url`?"]);
    let flags = [("local.listn", "127.0.0.1:1")];
    let environment = [("RESTANTE_STORE__PTAH", "/"), ("RESTANTE_LOCAL_LISTEN", "127.0.0.1:1")];
    let problems = folder.load_layers(EXAMPLE, &environment, &flags).unwrap_err();
    assert_problems(
        &problems,
        &[
            "RESTANTE_LOCAL_LISTEN: is not read; did you mean RESTANTE_LOCAL__LISTEN",
            "--set local.listn: is not a setting; did you mean `listen`?",
            "RESTANTE_STORE__PTAH (store.ptah): is not a setting; did you mean `path`?",
        ],
    );
}

#[test]
fn values_of_the_wrong_kind_are_named() {
    let folder = Folder::new();
    let wrong = |from, to, words: &[&str]| assert_problems(&folder.refuse(from, to), words);
    wrong("# drain_seconds = 60", "drain_seconds = \"60\"", &["limits.drain_seconds: expected a whole number"]);
    wrong("# drain_seconds = 60", "drain_seconds = -1", &["limits.drain_seconds: expected a whole number"]);
    wrong("# drain_seconds = 60", "drain_seconds = 5000000000", &["limits.drain_seconds: expected a whole number"]);
    wrong("path = \"data\"", "path = 3", &["store.path: expected a text in quotes, found the number 3"]);
    wrong("id = \"hub.example\"", "id = 3", &["provider.id: expected a text in quotes"]);
    wrong("# drain_seconds = 60", "drain_seconds", &["is not valid TOML", "|", "|", "|", "expected"]);
    let problems = folder.load_layers(EXAMPLE, &[("RESTANTE_LIMITS__PAGE_BYTES", "4MiB")], &[]).unwrap_err();
    assert_problems(&problems, &["RESTANTE_LIMITS__PAGE_BYTES (limits.page_bytes): expected a whole number"]);
    let problems = folder.load_layers(EXAMPLE, &[], &[("peers", "follower.example")]).unwrap_err();
    assert_problems(&problems, &["--set peers: expected"]);
    let problems = folder.load_layers(EXAMPLE, &[], &[("peers", "[3]")]).unwrap_err();
    assert_problems(&problems, &["--set peers (peers[0]): expected a table of its own, [[peers]]"]);
}

#[test]
fn everything_that_is_missing_is_said_at_once() {
    let folder = Folder::new();
    assert_problems(
        &folder.load("").unwrap_err(),
        &[
            "provider.listen: no listener is configured",
            "provider.id: is missing",
            "provider.cert_file: is missing",
            "provider.key_file: is missing",
            "provider.ca_file: is missing",
            "store.path: is missing",
        ],
    );
    assert_problems(
        &folder.load(&format!("{EXAMPLE}\n[[peers]]")).unwrap_err(),
        &["hub.toml: peers[1].id: is missing", "hub.toml: peers[1].url: is missing"],
    );
    assert_problems(
        &folder.refuse("listen = \"127.0.0.1:8080\"\n", ""),
        &["local.listen: is missing; give an address such as 127.0.0.1:8080, or take the table [local] out"],
    );
}

#[test]
fn problems_of_shape_meaning_and_files_come_together() {
    let toml = replaced("id = \"hub.example\"", "id = \"Hub.example\"\ncolour = 1")
        .replace("\"127.0.0.1:8080\"", "\"0.0.0.0:8080\"")
        .replace("https://follower.example:8443", "http://follower.example")
        .replace("# drain_seconds = 60", "drain_second = 5")
        .replace("# orphan_hours = 24", "orphan_hours = 100")
        .replace("path = \"data\"", "path = \"no/such/data\"");
    assert_problems(
        &Folder::new().load(&toml).unwrap_err(),
        &[
            "provider.id: `Hub.example` is no id",
            "provider.colour: is not a setting; known here: id, listen,",
            "local.listen: 0.0.0.0:8080 can be reached from other machines, and this listener has no TLS",
            "peers[0].url: does not begin with https://",
            "limits.drain_second: is not a setting; did you mean `drain_seconds`?",
            "policy.shared_orphan_hours: an orphan that two providers used",
            "store.path: the folder",
        ],
    );
}

#[test]
fn a_file_that_cannot_be_read_says_how_to_begin() {
    let sources = Sources { file: Path::new("/nonexistent/hub.toml"), environment: Vec::new(), flags: Vec::new() };
    let problems = Config::load(&sources, now()).unwrap_err().to_string();
    assert!(problems.contains("/nonexistent/hub.toml") && problems.contains("restante config example"), "{problems}");
}

#[test]
fn peers_are_others_and_once_each() {
    let folder = Folder::new();
    let peer = |id: &str| format!("{EXAMPLE}\n[[peers]]\nid = \"{id}\"\nurl = \"https://127.0.0.1:1\"");
    assert_problems(&folder.load(&peer("follower.example")).unwrap_err(), &["follower.example stands there twice"]);
    assert_problems(&folder.load(&peer("hub.example")).unwrap_err(), &["hub.example is our own id"]);
}

#[test]
fn peers_urls_are_https_a_host_and_a_port() {
    for url in
        ["https://a.example", "https://a.example/", "https://a.example:1", "https://127.0.0.1:1", "https://[::1]:1"]
    {
        let uri: http::Uri = url.parse().unwrap();
        assert_eq!(written::check_url(&uri), Ok(()), "{url}");
    }
    let folder = Folder::new();
    for url in [
        "http://a.example",
        "a.example",
        "a.example:443",
        "/x",
        "",
        "https://",
        "https://:443",
        "https://a.example:",
        "https://a.example:0",
        "https://a.example:65536",
        "https://a.example:x",
        "https://user@a.example",
        "https://a.example/v1",
        "https://a.example?x",
        "https://a.example/#x",
    ] {
        let problems = folder.refuse("https://follower.example:8443", url);
        assert_problems(&problems, &["hub.toml: peers[0].url: "]);
    }
}

#[test]
fn a_configuration_built_in_code_is_held_to_the_same_rules() {
    let mut config = Folder::new().load(EXAMPLE).unwrap();
    config.local.as_mut().unwrap().listen = LocalAddress::Tcp("192.0.2.1:80".parse().unwrap());
    config.peers[0].url = "http://follower.example".parse().unwrap();
    config.limits.page_bytes = 0;
    let problems = config.check(now()).unwrap_err();
    // The folder is gone, and with it four files and the folder of the database.
    assert_eq!(problems.len(), 3 + 5, "{problems}");
    let problems = problems.to_string();
    assert!(problems.contains("has no TLS") && problems.contains("https://") && problems.contains("page_bytes"));
}

#[test]
fn certificates_of_another_provider_expired_or_too_young_are_refused() {
    let folder = Folder::new();
    let problems = folder.refuse("pki/hub.example/cert.pem", "pki/follower.example/cert.pem");
    assert_problems(
        &problems,
        &["is the certificate of follower.example, but provider.id is hub.example", "is not the key of"],
    );
    let config = folder.load(EXAMPLE).unwrap();
    assert_problems(&config.check(now() + 2 * YEAR).unwrap_err().to_string(), &["expired 365 days ago; renew it"]);
    assert_problems(&config.check(now() - YEAR).unwrap_err().to_string(), &["is not valid yet"]);
}

#[test]
fn a_certificate_must_serve_both_ends_under_one_name() {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
    let folder = Folder::new();
    let key = KeyPair::generate().unwrap();
    folder.write_secret("key.pem", &key.serialize_pem());
    let check = |names: &[&str], usages: &[ExtendedKeyUsagePurpose], words: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = usages.to_vec();
        fs::write(folder.path("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let toml = EXAMPLE.replace("pki/hub.example/", "");
        assert_problems(&folder.load(&toml).err().unwrap_or_default(), words);
    };
    let (server, client) = (ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth);
    check(&["hub.example"], &[], &[]);
    check(&["hub.example"], &[client.clone(), server.clone()], &[]);
    check(&["hub.example"], &[server], &["serverAuth and clientAuth"]);
    check(&["hub.example"], &[client], &["serverAuth and clientAuth"]);
    check(&["hub.example", "www.hub.example"], &[], &["has more than one dNSName"]);
    check(&["*.hub.example"], &[], &["a wildcard names nobody; have it issued with hub.example as its only dNSName"]);
    check(&[], &[], &["has no dNSName"]);
}

#[test]
fn files_that_hold_something_else_are_refused() {
    let folder = Folder::new();
    fs::write(folder.path("empty"), "").unwrap();
    folder.set_mode("empty", 0o600);
    assert_problems(&folder.refuse("pki/hub.example/cert.pem", "empty"), &["empty holds no certificate"]);
    assert_problems(&folder.refuse("pki/hub.example/key.pem", "empty"), &["empty holds no private key"]);
    assert_problems(&folder.refuse("\"pki/ca.pem\"", "\"empty\""), &["empty holds no certificate"]);
    assert_problems(&folder.refuse("\"pki/ca.pem\"", "\"none\""), &["none does not exist; create it"]);
    assert_problems(&folder.refuse("\"pki/ca.pem\"", "\"pki\""), &["pki cannot be read"]);
    assert_problems(&folder.refuse("path = \"data\"", "path = \"empty\""), &["empty is a file; name a folder"]);
    assert_problems(&folder.refuse("\"127.0.0.1:8080\"", "\"unix:empty\""), &["empty exists and is no socket"]);
    assert_problems(&folder.refuse("\"127.0.0.1:8080\"", "\"unix:no/socket\""), &["the folder"]);
    fs::write(folder.path("broken"), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert_problems(&folder.refuse("pki/hub.example/cert.pem", "broken"), &["broken is no X.509 certificate"]);
    assert_problems(&folder.refuse("\"pki/ca.pem\"", "\"broken\""), &["cannot be an authority"]);
}

#[test]
fn service_tokens_are_one_long_word() {
    let folder = Folder::new();
    for (token, word) in [
        ("", "holds a token of 0 bytes"),
        ("\n\n", "holds a token of 0 bytes"),
        ("0123456789abcde\n", "holds a token of 15 bytes"),
        ("0123456789 abcdef", "more than one word"),
        ("0123456789abcdeé", "bytes that a header cannot carry"),
    ] {
        folder.write_secret("service-token", token);
        let problems = folder.load(EXAMPLE).unwrap_err();
        assert_problems(&problems, &[word]);
        assert!(!problems.contains("0123456789"), "{problems}");
    }
}

#[cfg(unix)]
#[test]
fn secrets_that_everybody_may_read_are_refused_with_the_command_to_run() {
    let folder = Folder::new();
    for (file, key) in [("service-token", "local.service_token_file"), ("pki/hub.example/key.pem", "provider.key_file")]
    {
        for mode in [0o604, 0o602, 0o644] {
            folder.set_mode(file, mode);
            let problems = folder.load(EXAMPLE).unwrap_err();
            assert_problems(&problems, &[&format!("run `chmod 600 {}`", folder.path(file).display())]);
            assert!(problems.contains(key) && problems.contains(&format!("mode {mode:o}")), "{problems}");
        }
        folder.set_mode(file, 0o640);
        folder.load(EXAMPLE).unwrap();
    }
}

#[test]
fn limits_that_would_stop_all_traffic_are_refused() {
    let folder = Folder::new();
    let limit = |key: &str, value: &str| folder.load_layers(EXAMPLE, &[], &[(key, value)]).err().unwrap_or_default();
    assert_problems(&limit("limits.connections_max", "0"), &["--set limits.connections_max: 0 would refuse"]);
    assert_problems(&limit("limits.in_flight_bytes_max", "1000"), &["give at least 54591488"]);
    let pages = limit("limits.responses_in_flight_bytes_max", "16777215");
    assert_problems(&pages, &["give at least 16777216"]);
    assert_problems(&limit("limits.responses_in_flight_bytes_max", "16777216"), &[]);
    assert_problems(&limit("limits.wait_seconds_max", "0"), &[]);
    assert_problems(&limit("policy.hint_epochs_max", "0"), &[]);
    assert_problems(&limit("policy.all_groups_factor", "0"), &["policy.all_groups_factor: 0 would leave"]);
}

#[test]
fn warnings_are_numbers_without_names() {
    let folder = Folder::new();
    let mut config = folder.load(EXAMPLE).unwrap();
    config.limits.connections_max = 1;
    assert!(config.warnings(now()).iter().all(|sentence| sentence.contains("may open")));
    config.peers.clear();
    config.limits.connections_max = u32::MAX;
    let warnings = config.warnings(now() + YEAR - Duration::from_secs(3 * 86_400)).join("\n");
    assert!(warnings.contains("expires in 3 days") && warnings.contains("no [[peers]]"), "{warnings}");
    assert!(!warnings.contains("example"), "{warnings}");
}

#[test]
fn a_gateway_that_nobody_can_upload_to_and_its_certificate_are_warned_about() {
    let folder = Folder::new();
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n[store]";
    let mut config = folder.load(&EXAMPLE.replace("[store]", public)).unwrap();
    let about = |config: &Config, now| {
        let mut warnings = config.warnings(now);
        warnings.retain(|sentence| sentence.contains("public"));
        warnings
    };
    assert!(about(&config, now()).is_empty());
    let late = now() + YEAR - Duration::from_secs(3 * 86_400);
    assert_eq!(about(&config, late), ["public.cert_file expires in 3 days; renew it"]);
    config.local = None;
    let warnings = about(&config, now());
    assert!(warnings.len() == 1 && warnings[0].contains("nobody can upload"), "{warnings:?}");
}

/// The relay's operator would know both halves.
#[test]
fn relays_that_have_one_holder_with_the_provider_are_warned_about() {
    let folder = Folder::new();
    let warned = |relays: &str| {
        let public = format!(
            "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
             key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n\
             relay_ca_file = \"pki/ca.pem\"\nrelays = {relays}\n[store]"
        );
        let mut warnings = folder.load(&EXAMPLE.replace("[store]", &public)).unwrap().warnings(now());
        warnings.retain(|sentence| sentence.contains("public.relays"));
        warnings
    };
    assert!(warned("[\"relay.example\"]").is_empty());
    let warnings = warned("[\"relay.example\", \"relay.hub.example\"]");
    assert!(warnings.len() == 1 && warnings[0].contains("1 of 2") && !warnings[0].contains("example"), "{warnings:?}");
}
