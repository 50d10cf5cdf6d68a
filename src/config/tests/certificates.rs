//! Certificates.

use super::*;

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
