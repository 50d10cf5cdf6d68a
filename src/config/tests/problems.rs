//! What is said about a configuration that is wrong.

use super::*;

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
    wrong("# drain_seconds = 60", "drain_seconds = 5000000000", &["drain_seconds: is too large; at most 4294967295"]);
    wrong("# cipher_suites = []", "cipher_suites = [70000]", &["cipher_suites[0]: is too large; at most 65535"]);
    wrong(
        "# hints = \"entitled\"",
        "hints = \"all\"",
        &["expected \"entitled\" or \"forward\", found the text \"all\""],
    );
    wrong("path = \"data\"", "path = \"\"", &["store.path: is empty; name the folder"]);
    wrong(
        "# backup_path = \"backups\"",
        "backup_path = \"data.restoring\"",
        &["store.backup_path: is where `restante backup restore` makes the database ready, and removes what is there"],
    );
    wrong(
        "# cache_bytes = 268435456",
        "cache_bytes = 1024",
        &["store.cache_bytes: is too small to be of use: at least"],
    );
    wrong(
        "# cache_bytes = 268435456",
        "cache_bytes = 99999999999999999",
        &["store.cache_bytes: is more memory than there is: at most 1099511627776"],
    );
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

/// Operators need not know what the source calls its types.
#[test]
fn kinds_are_told_in_plain_words() {
    let folder = Folder::new();
    for (key, value, told) in [
        ("policy.group_info", "3", "expected one of the words that `restante config example` shows, in quotes, found"),
        ("policy.group_info", "[1]", "in quotes, found a list"),
        ("store.backups_kept", "0", "expected a whole number, 1 or more, without quotes, found the number 0"),
        ("store.backups_kept", "yes", "without quotes, found the text \"yes\""),
        ("store.backups_kept", "1.5", "without quotes, found the number 1.5"),
        ("store.backups_kept", "1.0", "without quotes, found the number 1.0"),
        ("provider.push", "yes", "expected true or false, without quotes, found the text \"yes\""),
        ("policy.cipher_suites", "1", "expected a list in brackets, such as"),
        ("policy.cipher_suites", "true", "found true"),
        ("peers", "3", "expected a table of its own for each, [[peers]], found the number 3"),
        ("limits", "3", "expected a table, found the number 3"),
    ] {
        let problems = folder.load_layers(EXAMPLE, &[], &[(key, value)]).unwrap_err();
        assert!(problems.contains(told), "{key}={value}: {problems}");
        for word in ["enum", "u32", "sequence", "struct", "bool", "string", "int"] {
            let mut words = problems.split(|letter: char| !letter.is_ascii_alphanumeric());
            assert!(!words.any(|one| one == word), "{key}={value}: {word}: {problems}");
        }
    }
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

/// One key that cannot be read hides nothing of what is wrong with the others of its table.
#[test]
fn mistakes_of_one_table_come_together() {
    let public = "[public]\nlisten = \"127.0.0.1:8080\"\ncert_file = \"none.pem\"\nkey_file = \"none.key\"\n\
                  keys_path = \"keys\"\nseal_key_file = \"keys/seal\"\nrelays = [\"relay.example\"]\n[store]";
    let toml = replaced("id = \"hub.example\"", "id = \"Hub.example\"")
        .replace("pki/hub.example/cert.pem", "gone.pem")
        .replace("pki/hub.example/key.pem", "gone.key")
        .replace("\"pki/ca.pem\"", "\"gone-ca.pem\"")
        .replace("[store]", public);
    assert_problems(
        &Folder::new().load(&toml).unwrap_err(),
        &[
            "provider.id: `Hub.example` is no id",
            "provider.cert_file: ",
            "provider.key_file: ",
            "provider.ca_file: ",
            "public.relay_ca_file: is missing",
            "public.cert_file: ",
            "public.key_file: ",
            "public.seal_key_file: lies in public.keys_path",
            "local.listen: is 127.0.0.1:8080, and public.listen is",
        ],
    );
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
fn a_file_of_another_program_is_told_in_one_line() {
    for (text, told) in [
        (include_str!("../../../config/relay.toml"), "is a configuration of restante-relay, as its table [relay]"),
        (include_str!("../../../packaging/etc/relay.toml"), "is a configuration of restante-relay, "),
        (include_str!("../../../config/gateway.toml"), "is a configuration of restante-gateway, "),
        (include_str!("../../../packaging/etc/gateway.toml"), "`restante config example > hub.toml`"),
    ] {
        assert_problems(&Folder::new().load(text).unwrap_err(), &[told]);
    }
}
