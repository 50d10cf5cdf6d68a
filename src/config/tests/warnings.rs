//! What is allowed and told.

use super::*;

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
