//! The table of the gateway.

use super::*;

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
        ("[::1]:0", "127.0.0.1:8080", "local.listen: is 127.0.0.1:8080, and public.listen is"),
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
        (
            "seal_key_file = \"seal\"",
            "seal_key_file = \"seal\"\nrequests_per_second_of_others = 0",
            "number, 1 or more",
        ),
        (
            "seal_key_file = \"seal\"",
            "seal_key_file = \"seal\"\nrequests_per_second_of_others = 100000",
            "public.requests_per_second_and_relay: would have copies of up to 24600000 requests recognised, about 3690 MB",
        ),
    ] {
        let problems = with(from, to).unwrap_err();
        assert!(problems.contains(problem), "{problem}: {problems}");
    }
}

/// Each of the relays and all strangers may bring what they may, at their bursts before and after a restart, dated as far
/// ahead as is allowed.
#[test]
fn there_is_room_for_all_that_may_come() {
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n\
                  relay_ca_file = \"pki/ca.pem\"\nrelays = [\"a.example\", \"b.example\"]\n\
                  requests_per_second_and_relay = 3000\nrequests_per_second_of_others = 7\n[store]";
    let config = Folder::new().load(&EXAMPLE.replace("[store]", public)).unwrap().public.unwrap();
    let room = config.gateway_policy().replay_marks_max;
    let most = |per_second: usize| per_second * 240 + 2 * (2 * per_second);
    assert!(room >= 2 * most(3000) + most(7), "{room}");
    assert!(room < 1_500_000, "225 MB: {room}");
}

/// New keys in the place of those that nobody can open would be made by nobody who knows it.
#[test]
fn a_keyring_without_its_seal_key_is_told() {
    let folder = Folder::new();
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n[store]";
    let toml = EXAMPLE.replace("[store]", public);
    folder.load(&toml).unwrap();
    fs::create_dir(folder.path("keys")).unwrap();
    folder.write_secret("keys/keyring", "sealed");
    let problems = folder.load(&toml).unwrap_err();
    assert!(problems.contains("public.seal_key_file: ") && problems.contains("is missing, and opens"), "{problems}");
    folder.write_secret("seal", &"0".repeat(32));
    folder.load(&toml).unwrap();
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
