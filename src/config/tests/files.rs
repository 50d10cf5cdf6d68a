//! Files and what is in them.

use super::*;

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
    let leaf = folder.refuse("\"pki/ca.pem\"", "\"pki/follower.example/cert.pem\"");
    assert_problems(&leaf, &["provider.ca_file: "]);
    assert!(leaf.contains("holds no certificate of an authority"), "{leaf}");
    let read = |file: &str| fs::read_to_string(folder.path(file)).unwrap();
    fs::write(folder.path("both"), read("pki/follower.example/cert.pem") + &read("pki/ca.pem")).unwrap();
    folder.load(&replaced("\"pki/ca.pem\"", "\"both\"")).unwrap();
}

/// A reload reads them again, and would wait, or read on, for ever.
#[cfg(unix)]
#[test]
fn devices_are_no_files_of_certificates_keys_or_tokens() {
    let folder = Folder::new();
    for file in ["pki/hub.example/cert.pem", "pki/hub.example/key.pem", "pki/ca.pem", "service-token"] {
        let problems = folder.refuse(&format!("\"{file}\""), "\"/dev/null\"");
        assert_problems(&problems, &["/dev/null cannot be read (it is no regular file)"]);
    }
}

/// However it is written: what is in the database's folder goes with it.
#[cfg(unix)]
#[test]
fn backups_are_refused_where_the_database_is() {
    let folder = Folder::new();
    fs::create_dir(folder.path("data")).unwrap();
    fs::create_dir(folder.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(folder.path("data"), folder.path("elsewhere/link")).unwrap();
    let backups = |path: &str| replaced("# backup_path = \"backups\"", &format!("backup_path = \"{path}\""));
    for path in ["data", "./data", "data/backups", "elsewhere/../data", "elsewhere/link", "elsewhere/link/new", "."] {
        assert_problems(&folder.load(&backups(path)).unwrap_err(), &["and store.path lie in each other"]);
    }
    for path in ["elsewhere/../data.restoring", "data.restoring/.."] {
        folder.load(&backups(path)).unwrap_err();
    }
    for path in ["backups", "elsewhere", "elsewhere/link/../backups", "data-backups"] {
        folder.load(&backups(path)).unwrap();
    }
}

#[test]
fn a_database_is_no_folder_of_backups() {
    let folder = Folder::new();
    fs::create_dir(folder.path("backups")).unwrap();
    let backups = replaced("# backup_path = \"backups\"", "backup_path = \"backups\"");
    folder.load(&backups).unwrap();
    fs::write(folder.path("backups/CURRENT"), "MANIFEST-000005\n").unwrap();
    assert_problems(&folder.load(&backups).unwrap_err(), &["store.backup_path: holds a database"]);
    // Where it is this one's own, that is said once.
    let own = replaced("# backup_path = \"backups\"", "backup_path = \"data\"");
    fs::create_dir_all(folder.path("data")).unwrap();
    fs::write(folder.path("data/CURRENT"), "MANIFEST-000005\n").unwrap();
    assert_problems(&folder.load(&own).unwrap_err(), &["store.backup_path: and store.path lie in each other"]);
}

/// Whoever puts the database back, or removes old backups, would remove the keys.
#[test]
fn the_gateway_s_keys_are_apart_from_database_and_backups() {
    let folder = Folder::new();
    let load = |keys: &str, seal: &str, more: &str| {
        let public = format!(
            "[public]\n{more}cert_file = \"pki/hub.example/cert.pem\"\nkey_file = \"pki/hub.example/key.pem\"\n\
             keys_path = \"{keys}\"\nseal_key_file = \"{seal}\"\n[store]"
        );
        let backups = folder.path("elsewhere");
        let flags = [("store.backup_path", backups.to_str().unwrap())];
        folder.load_layers(&EXAMPLE.replace("[store]", &public), &[], &flags)
    };
    let listen = "listen = \"[::1]:0\"\n";
    let keys = |path: &str| load(path, "seal", listen);
    fs::create_dir(folder.path("data")).unwrap();
    for (path, other) in [
        ("data", "and store.path lie in each other"),
        ("data/keys", "and store.path lie in each other"),
        ("data.restoring", "`restante backup restore`"),
    ] {
        let problems = keys(path).unwrap_err();
        assert_problems(&problems, &["public.keys_path: "]);
        assert!(problems.contains(other), "{problems}");
    }
    keys("keys").unwrap();
    for (place, sentence) in [
        ("data", "public.seal_key_file: and store.path lie in each other"),
        ("elsewhere", "public.seal_key_file: and store.backup_path lie in each other"),
        ("data.restoring", "public.seal_key_file: is where `restante backup restore`"),
    ] {
        fs::create_dir_all(folder.path(place)).unwrap();
        assert_problems(&load("keys", &format!("{place}/seal"), listen).unwrap_err(), &[sentence]);
    }
    // Also where something else of the table is missing.
    let both = ["public.listen: is missing", "public.keys_path: and store.path lie in each other"];
    assert_problems(&load("data", "seal", "").unwrap_err(), &both);
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

#[cfg(unix)]
#[test]
fn a_seal_key_is_looked_at_before_anything_is_opened() {
    let folder = Folder::new();
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"seal\"\n[store]";
    let text = EXAMPLE.replace("[store]", public);
    folder.load(&text).unwrap();
    folder.write_secret("seal", &"7".repeat(32));
    folder.load(&text).unwrap();
    folder.write_secret("seal", "7");
    assert_problems(&folder.load(&text).unwrap_err(), &["public.seal_key_file: "]);
    folder.write_secret("seal", &"7".repeat(32));
    folder.set_mode("seal", 0o640);
    let told = format!("run `chmod 600 {}`", folder.path("seal").display());
    assert_problems(&folder.load(&text).unwrap_err(), &[&told]);
}

#[cfg(unix)]
#[test]
fn a_folder_of_backups_that_cannot_be_written_to_keeps_nobody_from_serving() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = Folder::new();
    fs::create_dir(folder.path("backups")).unwrap();
    folder.set_mode("backups", 0o500);
    folder.load(&replaced("# backup_path = \"backups\"", "backup_path = \"backups\"")).unwrap();
    let file = folder.path("hub.toml");
    let sources = Sources { file: &file, environment: Vec::new(), flags: Vec::new() };
    let warned = || Config::load_to_serve(&sources, now()).unwrap().warnings(now()).join("\n");
    let warnings = warned();
    // Root may write wherever it likes.
    let is_root = fs::metadata(&file).unwrap().uid() == 0;
    assert_eq!(warnings.contains("store.backup_path may not be written to"), !is_root, "{warnings}");
    assert!(!warnings.contains("may enter"), "{warnings}");
    for mode in [0o755, 0o710] {
        folder.set_mode("backups", mode);
        let warnings = warned();
        assert!(warnings.contains(&format!("others may enter store.backup_path (mode {mode:o})")), "{warnings}");
    }
}

/// The service's user asks before the service is started; commands that ask the server may be anybody's.
#[cfg(unix)]
#[test]
fn folders_that_serving_needs_to_write_to_are_told() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = Folder::new();
    let public = "[public]\nlisten = \"[::1]:0\"\ncert_file = \"pki/hub.example/cert.pem\"\n\
                  key_file = \"pki/hub.example/key.pem\"\nkeys_path = \"keys\"\nseal_key_file = \"held/seal\"\n[store]";
    let text = EXAMPLE.replace("[store]", public).replace("\"data\"", "\"held/data\"");
    fs::create_dir(folder.path("held")).unwrap();
    folder.load(&text).unwrap();
    let file = folder.path("hub.toml");
    let load = || {
        let sources = Sources { file: &file, environment: Vec::new(), flags: Vec::new() };
        Config::load_to_serve(&sources, now()).err().map(|problems| problems.to_string()).unwrap_or_default()
    };
    assert_eq!(load(), "");
    folder.set_mode("held", 0o500);
    let problems = load();
    folder.load(&text).unwrap();
    folder.set_mode("held", 0o700);
    // Root may write wherever it likes.
    if fs::metadata(&file).unwrap().uid() == 0 {
        assert_eq!(problems, "");
    } else {
        assert_problems(&problems, &["store.path: ", "public.seal_key_file: "]);
    }
}
