//! Checks of the files and folders that a configuration names.

use std::{fs, io, path::Path, time::SystemTime};

use rustls::{
    RootCertStore,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use zeroize::Zeroizing;

use super::{
    Local, LocalAddress, Problems, Provider, Store,
    certificate::{Facts, facts, seconds},
    token::read_token,
};

/// Where a key was written, in the operator's words.
type Place<'a> = &'a dyn Fn(&str) -> String;

pub(super) fn check_provider(provider: &Provider, now: SystemTime, place: Place<'_>, problems: &mut Problems) {
    let mut note = |key: &str, sentence: String| problems.add(place(&format!("provider.{key}")), sentence);
    let chain = read_certificates(&provider.cert_file).map_err(|sentence| note("cert_file", sentence)).ok();
    if let Some(leaf) = chain.as_ref().and_then(|chain| chain.first()) {
        for sentence in check_leaf(leaf, provider, now) {
            note("cert_file", sentence);
        }
    }
    let key = read_key(&provider.key_file).map_err(|sentence| note("key_file", sentence)).ok();
    if let (Some(chain), Some(key)) = (chain, key)
        && let Err(sentence) = check_pair(chain, key, provider)
    {
        note("key_file", sentence);
    }
    if let Err(sentence) = check_authorities(&provider.ca_file) {
        note("ca_file", sentence);
    }
}

pub(super) fn check_local(local: &Local, place: Place<'_>, problems: &mut Problems) {
    if let LocalAddress::Unix(path) = &local.listen
        && let Err(sentence) = check_socket(path)
    {
        problems.add(place("local.listen"), sentence);
    }
    if let Err(sentence) = read_token(&local.service_token_file) {
        problems.add(place("local.service_token_file"), sentence);
    }
}

pub(super) fn check_store(store: &Store, place: Place<'_>, problems: &mut Problems) {
    let path = &store.path;
    let sentence = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return,
        Ok(_) => format!("{} is a file; name a folder", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => match folder_of(path) {
            Ok(()) => return,
            Err(sentence) => sentence,
        },
        Err(error) => unreadable(path, &error),
    };
    problems.add(place("store.path"), sentence);
}

/// Reads a file, or says in a sentence why not.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| unreadable(path, &error))
}

/// The certificates in a PEM file, at least one.
pub(super) fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&read(path)?).collect();
    match chain {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(format!(
            "{} holds no certificate; it must be PEM, with a line -----BEGIN CERTIFICATE-----",
            path.display()
        )),
        Err(error) => Err(format!("{} is not valid PEM ({error}); copy the file again", path.display())),
    }
}

/// Refuses a secret that every user of the machine may read or change.
pub(super) fn refuse_public(path: &Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(path).map_err(|error| unreadable(path, &error))?.permissions().mode();
        if mode & 0o007 != 0 {
            return Err(format!(
                "{path} holds a secret, and every user of this machine may open it (mode {mode:o}); run `chmod 600 \
                 {path}`",
                path = path.display(),
                mode = mode & 0o777
            ));
        }
    }
    Ok(())
}

fn unreadable(path: &Path, error: &io::Error) -> String {
    let path = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        format!("{path} does not exist; create it or correct the path")
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        format!("{path} may not be read by this user; change its owner or mode, or that of its folder")
    } else {
        format!("{path} cannot be read ({error}); correct the path")
    }
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, String> {
    refuse_public(path)?;
    let bytes = Zeroizing::new(read(path)?);
    // The error is not shown: it could quote the file.
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|_| {
        format!("{} holds no private key; it must be PEM (PKCS#8, PKCS#1 or SEC1) without a passphrase", path.display())
    })
}

fn check_leaf(leaf: &CertificateDer<'_>, provider: &Provider, now: SystemTime) -> Vec<String> {
    let path = provider.cert_file.display();
    let facts = match facts(leaf) {
        Ok(facts) => facts,
        Err(fault) => return vec![format!("{path} {fault}; copy the file again")],
    };
    let Facts { name, not_before, not_after, serves_both_ends } = facts;
    let mut sentences = Vec::new();
    match name {
        Ok(name) if name == provider.id => {}
        Ok(name) => sentences.push(format!(
            "{path} is the certificate of {name}, but provider.id is {}; correct the one that is wrong",
            provider.id
        )),
        Err(fault) => {
            sentences.push(format!("{path} {fault}; have it issued with {} as its only dNSName", provider.id))
        }
    }
    let now = seconds(now);
    if now > not_after {
        sentences.push(format!("{path} expired {} days ago; renew it", (now - not_after) / 86_400));
    }
    if now < not_before {
        sentences.push(format!("{path} is not valid yet; wait, or set this machine's clock"));
    }
    if !serves_both_ends {
        sentences.push(format!(
            "{path} may not be used as a server and as a client, and providers are both; have it issued with the \
             extended key usages serverAuth and clientAuth"
        ));
    }
    sentences
}

fn check_pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &Provider,
) -> Result<(), String> {
    let key_path = provider.key_file.display();
    let key = aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|_| format!("{key_path} holds a key that TLS cannot use here; use ECDSA P-256, Ed25519 or RSA"))?;
    match CertifiedKey::new(chain, key).keys_match() {
        // A certificate that does not parse is reported where it stands.
        Ok(()) | Err(rustls::Error::InvalidCertificate(_)) => Ok(()),
        Err(_) => Err(format!(
            "{key_path} is not the key of {}; name the two files that were issued together",
            provider.cert_file.display()
        )),
    }
}

fn check_authorities(path: &Path) -> Result<(), String> {
    let mut roots = RootCertStore::empty();
    for certificate in read_certificates(path)? {
        roots.add(certificate).map_err(|error| {
            format!("{} holds a certificate that cannot be an authority ({error}); take it out", path.display())
        })?;
    }
    Ok(())
}

fn check_socket(path: &Path) -> Result<(), String> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if is_socket(&metadata) => Ok(()),
        Ok(_) => Err(format!("{} exists and is no socket; choose another path", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder_of(path),
        Err(error) => Err(unreadable(path, &error)),
    }
}

#[cfg(unix)]
fn is_socket(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_socket(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_socket(_: &fs::Metadata) -> bool {
    false
}

/// Checks that the folder in which something is to be made exists.
fn folder_of(path: &Path) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => return Ok(()),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(format!("the folder {} does not exist; create it or correct the path", folder.display()))
}
