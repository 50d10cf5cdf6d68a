//! Checks of the files that a configuration names.

use std::time::SystemTime;

use restante_files::overlap;
use restante_gateway::{Keyring, SealKey};
use restante_process::config::{
    Identity, LocalAddress, Problems, Usage, check_addresses, check_authorities, check_folder, check_private,
    check_socket, check_writable,
};

use super::{Config, written::Layers};

pub(super) fn check(config: &Config, now: SystemTime, layers: &Layers, problems: &mut Problems) {
    let mut note = |key: &str, sentence: String| problems.add(layers.place(key), sentence);
    let server = Identity {
        cert_file: &config.cert_file,
        key_file: &config.key_file,
        name: None,
        name_key: "",
        usage: Usage::Server,
    };
    server.check(now, &mut |key, sentence| note(&format!("gateway.{key}"), sentence));
    let authorities = [
        ("gateway.relays_ca_file", config.relays.as_ref().map(|relays| &relays.ca_file)),
        ("origin.ca_file", config.origin.ca_file.as_ref()),
    ];
    for (key, file) in authorities {
        if let Some(Err(sentence)) = file.map(|file| check_authorities(file)) {
            note(key, sentence);
        }
    }
    for (key, folder) in [("keys.path", &config.keys.path), ("replays.path", &config.replays)] {
        if let Err(sentence) = check_folder(folder).and_then(|()| check_writable(folder)) {
            note(key, sentence);
        }
    }
    if overlap(&config.replays, &config.keys.path) {
        let sentence = "and keys.path lie in each other; give each a folder of its own";
        note("replays.path", sentence.to_owned());
    } else if overlap(&config.replays, &config.keys.seal_key_file) {
        note("keys.seal_key_file", "lies in replays.path; put it elsewhere".to_owned());
    }
    let admin = config.admin.as_ref().and_then(LocalAddress::tcp);
    check_addresses(&[("gateway.listen", Some(config.listen)), ("admin.listen", admin)], &mut note);
    let seal_key = &config.keys.seal_key_file;
    // One that is there is only read.
    let is_writable = if seal_key.exists() { Ok(()) } else { check_writable(seal_key) };
    if let Err(sentence) = check_private(seal_key, SealKey::BYTES as u64).and(is_writable) {
        note("keys.seal_key_file", sentence);
    } else if !seal_key.exists() && Keyring::exists(&config.keys.path) {
        let sentence = "is missing, and opens the keyring in keys.path; put it back, or remove the keyring";
        note("keys.seal_key_file", format!("{} {sentence}", seal_key.display()));
    }
    if let Some(export) = &config.export {
        export.check(&mut |key, sentence| note(&format!("export.{key}"), sentence));
    }
    if config.keys.seal_key_file.starts_with(&config.keys.path) {
        let sentence = "is inside of keys.path: a copy of that folder would hold both the keys and what opens them; \
                        keep it elsewhere";
        note("keys.seal_key_file", sentence.to_owned());
    }
    if let Some(LocalAddress::Unix(path)) = &config.admin
        && let Err(sentence) = check_socket(path)
    {
        note("admin.listen", sentence);
    }
}
