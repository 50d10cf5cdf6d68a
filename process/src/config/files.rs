//! Checks of the files and folders that a configuration names.

use std::{fs, io, path::Path, time::SystemTime};

use super::certificate::{Facts, facts, may_be_authority, seconds};
use crate::pem::{self, PemError};
use restante_files::read_small;
use rustix::{
    fs::{Access, access},
    io::Errno,
};
use rustls::{
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::CertifiedKey,
};

/// Our own certificate and its key.
#[derive(Clone, Copy, Debug)]
pub struct Identity<'a> {
    /// PEM: the certificate, then its intermediates.
    pub cert_file: &'a Path,
    /// PEM: its private key.
    pub key_file: &'a Path,
    /// What must be its only dNSName; `None` if it may have any names.
    pub name: Option<&'a str>,
    /// The setting that holds this name, for the sentence that complains of another.
    pub name_key: &'a str,
    /// What it is used for.
    pub usage: Usage,
}

/// What a certificate is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// On listeners.
    Server,
    /// To connect with.
    Client,
    /// Both.
    Both,
}

impl Identity<'_> {
    /// Checks that the files can be read, belong together, are valid at `now` and fit their use. Each problem goes to
    /// `note`, with the name of the key that it belongs to: `cert_file` or `key_file`.
    pub fn check(&self, now: SystemTime, note: &mut dyn FnMut(&str, String)) {
        let chain = read_certificates(self.cert_file).map_err(|sentence| note("cert_file", sentence)).ok();
        if let Some(leaf) = chain.as_ref().and_then(|chain| chain.first()) {
            for sentence in check_leaf(leaf, self, now) {
                note("cert_file", sentence);
            }
        }
        let key = read_key(self.key_file).map_err(|sentence| note("key_file", sentence)).ok();
        if let (Some(chain), Some(key)) = (chain, key)
            && let Err(sentence) = check_pair(chain, key, self)
        {
            note("key_file", sentence);
        }
    }
}

/// Checks a folder that is made when it is first needed.
///
/// # Errors
/// A sentence: it is a file, or what should hold it does not exist.
pub fn check_folder(path: &Path) -> Result<(), String> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Ok(()),
        Ok(_) => Err(format!("{} is a file; name a folder", path.display())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => folder_of(path),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Checks that this process may write to a folder, or make it where it is to be. Nothing is written.
///
/// # Errors
/// A sentence. A folder that cannot be one is told by [`check_folder`] alone.
pub fn check_writable(path: &Path) -> Result<(), String> {
    let is_there = path.is_dir();
    if !is_there && check_folder(path).is_err() {
        return Ok(());
    }
    let folder = match path.parent() {
        _ if is_there => path,
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        let folder = folder.display();
        match error {
            Errno::ROFS => format!(
                "{folder} is on a file system that this process cannot write to; mount it for writing, or name it in \
                 ReadWritePaths= of the unit"
            ),
            _ => format!(
                "{folder} may not be written to by this user ({error}); change its owner or mode, or name another \
                 folder"
            ),
        }
    })
}

/// Checks the file of a secret that is made when it is first needed, for its owner alone and `bytes` long. It is not
/// opened: whoever may not read it can check it.
///
/// # Errors
/// A sentence: others may open it, it is of another length or no file, or what should hold it does not exist.
pub fn check_private(path: &Path, bytes: u64) -> Result<(), String> {
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return folder_of(path),
        Err(error) => return Err(unreadable(path, &error)),
    };
    if !metadata.is_file() {
        return Err(format!("{} is no file; name a file, which is made if it is not there", path.display()));
    }
    refuse_mode(path, &metadata, (0o077, "others than its owner"))?;
    let length = metadata.len();
    if length == bytes {
        return Ok(());
    }
    Err(format!(
        "{} holds {length} bytes and not {bytes}: it is another file, or damaged; correct the path, or put the right \
         one back",
        path.display()
    ))
}

/// Reads a file, as long as those of certificates may be at most. Pipes and devices are refused: nobody waits here.
///
/// # Errors
/// A sentence that says why not.
pub fn read(path: &Path) -> Result<Vec<u8>, String> {
    read_small(path, pem::BYTES_MAX).map_err(|error| unreadable(path, &error))
}

/// The certificates in a PEM file, at least one.
///
/// # Errors
/// A sentence.
pub fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    pem::certificates(path).map_err(|error| sentence(path, error))
}

/// An operator needs this long to get a new certificate.
const EXPIRY_DAYS: i64 = 14;

/// A sentence when the certificate in that file, which `key` names, has less than two weeks left. It names nothing else.
pub fn expires_soon(key: &str, cert_file: &Path, now: SystemTime) -> Option<String> {
    let chain = read_certificates(cert_file).ok()?;
    let days = (facts(chain.first()?).ok()?.not_after - seconds(now)) / 86_400;
    (days < EXPIRY_DAYS).then(|| format!("{key} expires in {days} days; renew it"))
}

/// Refuses a secret that every user of the machine may read or change.
///
/// # Errors
/// A sentence.
pub fn refuse_public(path: &Path) -> Result<(), String> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    refuse_mode(path, &metadata, (0o007, "every user of this machine"))
}

/// Refuses a secret whose mode has any of these bits, which let those in.
fn refuse_mode(path: &Path, metadata: &fs::Metadata, (bits, whom): (u32, &str)) -> Result<(), String> {
    #[cfg(unix)]
    let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777;
    #[cfg(not(unix))]
    let mode = 0_u32;
    // Devices are refused when they are read; nobody should change their modes.
    if !metadata.is_file() || mode & bits == 0 {
        return Ok(());
    }
    let path = path.display();
    Err(format!("{path} holds a secret, and {whom} may open it (mode {mode:o}); run `chmod 600 {path}`"))
}

/// What to do about a file that does not hold what it should.
fn sentence(path: &Path, error: PemError) -> String {
    match error {
        PemError::Unreadable(_, rustls::pki_types::pem::Error::Io(error)) => unreadable(path, &error),
        PemError::Unreadable(_, error) => format!("{} is not valid PEM ({error}); copy the file again", path.display()),
        PemError::NoCertificate(_) => format!("{error}; it must be PEM, with a line -----BEGIN CERTIFICATE-----"),
        PemError::NoKey(_) => format!("{error}; correct the path"),
        PemError::NoAuthority(_, error) => {
            format!("{} holds a certificate that cannot be an authority ({error}); take it out", path.display())
        }
    }
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
    pem::private_key(path).map_err(|error| sentence(path, error))
}

fn check_leaf(leaf: &CertificateDer<'_>, identity: &Identity<'_>, now: SystemTime) -> Vec<String> {
    let path = identity.cert_file.display();
    let facts = match facts(leaf) {
        Ok(facts) => facts,
        Err(fault) => return vec![format!("{path} {fault}; copy the file again")],
    };
    let Facts { name, not_before, not_after, serves, calls } = facts;
    let mut sentences = Vec::new();
    if let Some(wanted) = identity.name {
        match name {
            Ok(name) if name == wanted => {}
            Ok(name) if name.starts_with('*') => sentences.push(format!(
                "{path} is the certificate of {name}, and a wildcard names nobody; have it issued with {wanted} as its \
                 only dNSName"
            )),
            Ok(name) => sentences.push(format!(
                "{path} is the certificate of {name}, but {} is {wanted}; correct the one that is wrong",
                identity.name_key
            )),
            Err(fault) => sentences.push(format!("{path} {fault}; have it issued with {wanted} as its only dNSName")),
        }
    }
    let now = seconds(now);
    if now > not_after {
        sentences.push(format!("{path} expired {} days ago; renew it", (now - not_after) / 86_400));
    }
    if now < not_before {
        sentences.push(format!("{path} is not valid yet; wait, or set this machine's clock"));
    }
    let wanted = match identity.usage {
        Usage::Server if !serves => "as a server; have it issued with the extended key usage serverAuth",
        Usage::Client if !calls => "as a client; have it issued with the extended key usage clientAuth",
        Usage::Both if !(serves && calls) => {
            "as a server and as a client, and providers are both; have it issued with the extended key usages \
             serverAuth and clientAuth"
        }
        Usage::Server | Usage::Client | Usage::Both => return sentences,
    };
    sentences.push(format!("{path} may not be used {wanted}"));
    sentences
}

fn check_pair(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    identity: &Identity<'_>,
) -> Result<(), String> {
    let key_path = identity.key_file.display();
    let key = aws_lc_rs::sign::any_supported_type(&key)
        .map_err(|_| format!("{key_path} holds a key that TLS cannot use here; use ECDSA P-256, Ed25519 or RSA"))?;
    match CertifiedKey::new(chain, key).keys_match() {
        // A certificate that does not parse is reported where it stands.
        Ok(()) | Err(rustls::Error::InvalidCertificate(_)) => Ok(()),
        Err(_) => Err(format!(
            "{key_path} is not the key of {}; name the two files that were issued together",
            identity.cert_file.display()
        )),
    }
}

/// Checks a PEM file of certificate authorities: at least one of them must be able to be one. What else stands there
/// does no harm.
///
/// # Errors
/// A sentence.
pub fn check_authorities(path: &Path) -> Result<(), String> {
    pem::authorities(path).map_err(|error| sentence(path, error))?;
    if read_certificates(path)?.iter().any(|certificate| may_be_authority(certificate)) {
        return Ok(());
    }
    Err(format!(
        "{} holds no certificate of an authority (basicConstraints with CA), only of those that one has certified; \
         name the file with the authority's own",
        path.display()
    ))
}

/// Checks a path at which a unix socket is to be made.
///
/// # Errors
/// A sentence.
pub fn check_socket(path: &Path) -> Result<(), String> {
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
///
/// # Errors
/// A sentence.
pub fn folder_of(path: &Path) -> Result<(), String> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => return Ok(()),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(format!("the folder {} does not exist; create it or correct the path", folder.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_secret_is_for_its_owner_alone_and_whole() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("seal-key");
        assert_eq!(check_private(&file, 32), Ok(()), "made when it is first needed");
        for (length, mode, told) in [
            (32, 0o600, None),
            (32, 0o400, None),
            (32, 0o640, Some("(mode 640); run `chmod 600 ")),
            (32, 0o601, Some("(mode 601); run `chmod 600 ")),
            (31, 0o600, Some("holds 31 bytes and not 32")),
            (33, 0o600, Some("holds 33 bytes and not 32")),
            (0, 0o600, Some("holds 0 bytes and not 32")),
        ] {
            fs::write(&file, vec![7; length]).unwrap();
            set_mode(&file, mode);
            match (check_private(&file, 32), told) {
                (Ok(()), None) => {}
                (Err(sentence), Some(told)) => {
                    assert!(sentence.contains(told) && sentence.contains("seal-key"), "{sentence}");
                }
                (checked, _) => panic!("{length} {mode:o}: {checked:?}"),
            }
        }
        assert!(check_private(folder.path(), 32).unwrap_err().contains("is no file"));
        let nowhere = folder.path().join("no/seal-key");
        assert!(check_private(&nowhere, 32).unwrap_err().contains("does not exist; create it"));
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_whether_it_is_there_or_not() {
        let folder = tempfile::TempDir::new().unwrap();
        let (held, there) = (folder.path().join("held"), folder.path().join("held/there"));
        fs::create_dir_all(&there).unwrap();
        for path in [&there, &held.join("new")] {
            assert_eq!(check_writable(path), Ok(()));
        }
        for path in [&held, &there] {
            set_mode(path, 0o500);
        }
        // Root may write wherever it likes.
        let is_root = fs::metadata(folder.path()).unwrap().uid() == 0;
        for (path, told) in [(&there, "held/there may not"), (&held.join("new"), "held may not")] {
            let sentence = check_writable(path).err().unwrap_or_default();
            assert_eq!(sentence.contains(told), !is_root, "{sentence}");
        }
        set_mode(&held, 0o700);
        let file = held.join("file");
        fs::write(&file, "").unwrap();
        for path in [&file, &held.join("no/new")] {
            assert!(check_folder(path).is_err());
            assert_eq!(check_writable(path), Ok(()), "one sentence is enough");
        }
    }
}
