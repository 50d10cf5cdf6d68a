//! Checks of the files that a configuration names.

use std::time::SystemTime;

use restante_names::have_one_holder;
use restante_process::config::{
    Identity, LocalAddress, Problems, Usage, check_addresses, check_authorities, check_folder, check_socket,
    check_writable, dns_names_of, read_certificates,
};

use super::{
    Config,
    written::{Layers, own_gateway},
};
use crate::{
    keys::Keys,
    user_tokens::{hashes, read_text},
};

pub(super) fn check(config: &Config, now: SystemTime, layers: &Layers, problems: &mut Problems) {
    let mut note = |key: &str, sentence: String| problems.add(layers.place(key), sentence);
    let server = Identity {
        cert_file: &config.cert_file,
        key_file: &config.key_file,
        name: None,
        name_key: "",
        usage: Usage::Server,
    };
    server.check(now, &mut |key, sentence| note(&format!("relay.{key}"), sentence));
    match read_text(&config.tokens_file) {
        Ok(text) => {
            if let Some(Err(error)) = hashes(&text).find(Result::is_err) {
                note("relay.tokens_file", format!("{}: {error}", config.tokens_file.display()));
            }
        }
        Err(error) => note(
            "relay.tokens_file",
            format!(
                "{} cannot be read ({error}); correct the path, or begin the file with `restante-relay tokens mint \
                 --file FILE`",
                config.tokens_file.display()
            ),
        ),
    }
    if let Err(sentence) = check_folder(&config.state_path).and_then(|()| check_writable(&config.state_path)) {
        note("relay.state_path", sentence);
    }
    let admin = config.admin.as_ref().and_then(LocalAddress::tcp);
    check_addresses(&[("relay.listen", Some(config.listen)), ("admin.listen", admin)], &mut note);
    if let Some(LocalAddress::Unix(path)) = &config.admin
        && let Err(sentence) = check_socket(path)
    {
        note("admin.listen", sentence);
    }
    if let Some(export) = &config.export {
        export.check(&mut |key, sentence| note(&format!("export.{key}"), sentence));
    }
    // A file that cannot be read is told above.
    let own_names = read_certificates(&config.cert_file)
        .ok()
        .and_then(|chain| dns_names_of(chain.first()?).ok())
        .unwrap_or_default();
    for (index, gateway) in config.gateways.iter().enumerate() {
        let provider = gateway.provider.as_str();
        let is_ours = |name: &&String| have_one_holder(name.trim_start_matches("*."), provider);
        if let Some(ours) = own_names.iter().find(is_ours) {
            let place = format!("the relay's own name {ours} (relay.cert_file) is in the same domain");
            note(&format!("gateways.{index}.provider"), own_gateway(&gateway.provider, &place));
        }
        if let Err(sentence) = check_authorities(&gateway.ca_file) {
            note(&format!("gateways.{index}.ca_file"), sentence);
        }
        if let Err(error) = Keys::check(&config.keys_folder(), &gateway.provider) {
            note(
                "relay.state_path",
                format!("{}: the gateway of {}: {error}", config.state_path.display(), gateway.provider),
            );
        }
        if let Some(files) = &gateway.identity {
            let client = Identity {
                cert_file: &files.cert_file,
                key_file: &files.key_file,
                name: None,
                name_key: "",
                usage: Usage::Client,
            };
            client.check(now, &mut |key, sentence| note(&format!("gateways.{index}.{key}"), sentence));
        }
    }
}
