//! Checks of the files that a configuration names.

use std::time::SystemTime;

use restante_process::config::{
    Identity, LocalAddress, Problems, Usage, check_authorities, check_folder, check_socket, folder_of,
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
        if let Err(sentence) = check_folder(folder) {
            note(key, sentence);
        }
    }
    if let Err(sentence) = folder_of(&config.keys.seal_key_file) {
        note("keys.seal_key_file", sentence);
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
