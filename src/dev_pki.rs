//! A private certificate authority for trying things out: `restante dev-pki`, the demo and tests.
//!
//! A folder holds `ca.pem`, `ca-key.pem`, and for each provider `ID/cert.pem` and `ID/key.pem`. Each certificate has
//! exactly one dNSName, the provider's id, and serves as a server's and as a client's (`specs/http.md`).
//!
//! Not for production: the authority's key lies beside what it signs. This module reads no clock.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use zeroize::Zeroizing;

use crate::wire::ServiceProviderId;

/// Permission bits of keys and of certificates.
const FOR_OWNER: u32 = 0o600;
const FOR_ALL: u32 = 0o644;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What [`issue`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// The authority's certificate.
    pub ca_file: PathBuf,
    /// Whether the authority was made by this call.
    pub ca_is_new: bool,
    /// One for each id, in the order that was asked for.
    pub providers: Vec<IssuedProvider>,
}

/// The files of one provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedProvider {
    /// Its id.
    pub id: ServiceProviderId,
    /// Its certificate, PEM.
    pub cert_file: PathBuf,
    /// The private key, PEM, mode 0600.
    pub key_file: PathBuf,
}

/// What is done about providers that have files already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Nothing is written for anybody.
    Refuse,
    /// They get a new key and certificate from the same authority.
    Replace,
}

/// Why no certificates were issued.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A provider has files already.
    #[error("{} exists already; use --force to replace it, or another folder", .0.display())]
    Exists(PathBuf),
    /// One of the authority's two files is there without the other.
    #[error("{} exists without {}; restore the missing file, or use another folder", .0.display(), .1.display())]
    HalfAnAuthority(PathBuf, PathBuf),
    /// The authority's files are not what this program writes.
    #[error("{} and its key cannot be used as an authority ({}); use another folder", .0.display(), .1)]
    Authority(PathBuf, rcgen::Error),
    /// `ca-key.pem` belongs to another certificate.
    #[error("{} is not the key of {}; restore the right one, or use another folder", .0.display(), .1.display())]
    AnotherKey(PathBuf, PathBuf),
    /// There is a file where a folder should be.
    #[error("{} cannot be a folder: it, or what should hold it, is a file; name another folder", .0.display())]
    NoFolder(PathBuf),
    /// A file or folder could not be read or written.
    #[error("{}: {}", .0.display(), .1)]
    Io(PathBuf, io::Error),
    /// A certificate could not be made.
    #[error("the certificate of {0} could not be made: {1}")]
    Certificate(String, rcgen::Error),
}

/// Issues a certificate for each id. The authority in the folder is used again, or made when there is none. Valid
/// from a day before `now` for a year (the authority: ten).
///
/// # Errors
/// A provider has files already (then nothing is written), the authority cannot be used, or a file not be written.
pub fn issue(dir: &Path, ids: &[ServiceProviderId], existing: Existing, now: SystemTime) -> Result<Issued, Error> {
    let files: Vec<_> = ids.iter().map(|id| ProviderFiles::of(dir, id)).collect();
    if existing == Existing::Refuse
        && let Some(path) = files.iter().flat_map(|files| [&files.cert, &files.key]).find(|path| path.exists())
    {
        return Err(Error::Exists(path.clone()));
    }
    create_folder(dir)?;
    let (authority, ca_is_new) = Authority::open_or_make(dir, now)?;
    let mut providers = Vec::with_capacity(ids.len());
    for (id, files) in ids.iter().zip(files) {
        let (cert, key) = authority.sign(id, now).map_err(|error| Error::Certificate(id.to_string(), error))?;
        create_folder(&files.folder)?;
        write(&files.key, &key, FOR_OWNER)?;
        write(&files.cert, &cert, FOR_ALL)?;
        providers.push(IssuedProvider { id: id.clone(), cert_file: files.cert, key_file: files.key });
    }
    Ok(Issued { ca_file: dir.join("ca.pem"), ca_is_new, providers })
}

/// An id is a domain name: no separators and no `..`, so that it stays inside the folder.
struct ProviderFiles {
    folder: PathBuf,
    cert: PathBuf,
    key: PathBuf,
}

impl ProviderFiles {
    fn of(dir: &Path, id: &ServiceProviderId) -> Self {
        let folder = dir.join(id.as_str());
        Self { cert: folder.join("cert.pem"), key: folder.join("key.pem"), folder }
    }
}

struct Authority {
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn open_or_make(dir: &Path, now: SystemTime) -> Result<(Self, bool), Error> {
        let cert_file = dir.join("ca.pem");
        let key_file = dir.join("ca-key.pem");
        match (cert_file.exists(), key_file.exists()) {
            (true, true) => Ok((Self::open(&cert_file, &key_file)?, false)),
            (false, false) => Ok((Self::make(&cert_file, &key_file, now)?, true)),
            (true, false) => Err(Error::HalfAnAuthority(cert_file, key_file)),
            (false, true) => Err(Error::HalfAnAuthority(key_file, cert_file)),
        }
    }

    fn open(cert_file: &Path, key_file: &Path) -> Result<Self, Error> {
        let unusable = |error| Error::Authority(cert_file.to_owned(), error);
        let cert = read(cert_file)?;
        let key = KeyPair::from_pem(&read(key_file)?).map_err(unusable)?;
        if public_key_of(&cert).as_deref() != Some(key.public_key_raw()) {
            return Err(Error::AnotherKey(key_file.to_owned(), cert_file.to_owned()));
        }
        let issuer = Issuer::from_ca_cert_pem(&cert, key).map_err(unusable)?;
        Ok(Self { issuer })
    }

    fn make(cert_file: &Path, key_file: &Path, now: SystemTime) -> Result<Self, Error> {
        let not_made = |error| Error::Certificate("the authority".to_owned(), error);
        let key = KeyPair::generate().map_err(not_made)?;
        let mut params = valid_for(10 * YEAR, now);
        params.distinguished_name.push(DnType::CommonName, "restante dev-pki authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).map_err(not_made)?.pem();
        write(key_file, &Zeroizing::new(key.serialize_pem()), FOR_OWNER)?;
        write(cert_file, &cert, FOR_ALL)?;
        Ok(Self { issuer: Issuer::new(params, key) })
    }

    /// The certificate and key of a provider, PEM.
    fn sign(&self, id: &ServiceProviderId, now: SystemTime) -> Result<(String, Zeroizing<String>), rcgen::Error> {
        let key = KeyPair::generate()?;
        let mut params = valid_for(YEAR, now);
        params.distinguished_name.push(DnType::OrganizationName, "restante dev-pki");
        params.subject_alt_names = vec![SanType::DnsName(id.as_str().try_into()?)];
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        let cert = params.signed_by(&key, &self.issuer)?;
        Ok((cert.pem(), Zeroizing::new(key.serialize_pem())))
    }
}

/// Yesterday, so that a machine whose clock is a little behind accepts it too.
fn valid_for(length: Duration, now: SystemTime) -> CertificateParams {
    let now = rcgen::date_time_ymd(1970, 1, 1) + now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.not_before = now - DAY;
    params.not_after = now + length;
    params
}

fn public_key_of(cert_pem: &str) -> Option<Vec<u8>> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(cert_pem.as_bytes()).ok()?;
    let cert = pem.parse_x509().ok()?;
    Some(cert.public_key().subject_public_key.data.to_vec())
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    fs::read_to_string(path).map(Zeroizing::new).map_err(|error| Error::Io(path.to_owned(), error))
}

fn create_folder(path: &Path) -> Result<(), Error> {
    fs::create_dir_all(path).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => Error::NoFolder(path.to_owned()),
        _ => Error::Io(path.to_owned(), error),
    })
}

/// A file is never half there, and a secret never readable by others, not even for a moment.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), Error> {
    restante_files::replace(path, text.as_bytes(), mode).map_err(|error| Error::Io(path.to_owned(), error))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::{
        RootCertStore,
        client::{WebPkiServerVerifier, danger::ServerCertVerifier},
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
        server::WebPkiClientVerifier,
        sign::CertifiedKey,
    };
    use tempfile::TempDir;

    use super::*;
    use crate::config::dns_name_of;

    /// 2026-01-01T00:00:00Z
    const NOW: Duration = Duration::from_secs(1_767_225_600);

    fn now() -> SystemTime {
        UNIX_EPOCH + NOW
    }

    fn ids(names: &[&str]) -> Vec<ServiceProviderId> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    fn issue_in(dir: &TempDir, names: &[&str], existing: Existing) -> Result<Issued, Error> {
        issue(dir.path(), &ids(names), existing, now())
    }

    /// What rustls says of the certificate as a server's and as a client's.
    fn verify(ca_file: &Path, provider: &IssuedProvider, at: Duration) -> Result<(), rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(ca_file).unwrap()).unwrap();
        let roots = Arc::new(roots);
        let crypto = Arc::new(aws_lc_rs::default_provider());
        let cert = CertificateDer::from_pem_file(&provider.cert_file).unwrap();
        let at = UnixTime::since_unix_epoch(at);
        let name = ServerName::try_from(provider.id.as_str()).unwrap();
        WebPkiServerVerifier::builder_with_provider(roots.clone(), crypto.clone())
            .build()
            .unwrap()
            .verify_server_cert(&cert, &[], &name, &[], at)?;
        let clients = WebPkiClientVerifier::builder_with_provider(roots, crypto).build().unwrap();
        clients.verify_client_cert(&cert, &[], at)?;
        let key = PrivateKeyDer::from_pem_file(&provider.key_file).unwrap();
        CertifiedKey::new(vec![cert], aws_lc_rs::sign::any_supported_type(&key).unwrap()).keys_match()
    }

    #[test]
    fn certificates_serve_both_ends_under_one_name() {
        let dir = TempDir::new().unwrap();
        let issued = issue_in(&dir, &["hub.example", "follower.example"], Existing::Refuse).unwrap();
        assert!(issued.ca_is_new);
        for provider in &issued.providers {
            verify(&issued.ca_file, provider, NOW).unwrap();
            let cert = CertificateDer::from_pem_file(&provider.cert_file).unwrap();
            assert_eq!(dns_name_of(&cert).unwrap(), provider.id);
        }
    }

    #[test]
    fn they_are_valid_from_yesterday_for_a_year() {
        let dir = TempDir::new().unwrap();
        let issued = issue_in(&dir, &["hub.example"], Existing::Refuse).unwrap();
        let check = |at| verify(&issued.ca_file, &issued.providers[0], at).is_ok();
        assert!(check(NOW - DAY) && check(NOW + YEAR));
        let second = Duration::from_secs(1);
        assert!(!check(NOW - DAY - second) && !check(NOW + YEAR + second));
    }

    #[test]
    fn a_second_call_uses_the_same_authority() {
        let dir = TempDir::new().unwrap();
        let first = issue_in(&dir, &["hub.example"], Existing::Refuse).unwrap();
        let authority = fs::read(&first.ca_file).unwrap();
        let second = issue_in(&dir, &["follower.example"], Existing::Refuse).unwrap();
        assert!(!second.ca_is_new);
        assert_eq!(fs::read(&second.ca_file).unwrap(), authority);
        verify(&second.ca_file, &second.providers[0], NOW).unwrap();
        verify(&second.ca_file, &first.providers[0], NOW).unwrap();
    }

    #[test]
    fn an_existing_id_is_kept_unless_replacing_was_asked_for() {
        let dir = TempDir::new().unwrap();
        let first = issue_in(&dir, &["hub.example"], Existing::Refuse).unwrap();
        let key = fs::read(&first.providers[0].key_file).unwrap();
        let refused = issue_in(&dir, &["new.example", "hub.example"], Existing::Refuse);
        assert!(matches!(refused, Err(Error::Exists(path)) if path.ends_with("hub.example/cert.pem")));
        assert!(!dir.path().join("new.example").exists(), "nothing is written for the others either");
        assert_eq!(fs::read(&first.providers[0].key_file).unwrap(), key);
        let replaced = issue_in(&dir, &["hub.example"], Existing::Replace).unwrap();
        assert_ne!(fs::read(&replaced.providers[0].key_file).unwrap(), key);
        verify(&replaced.ca_file, &replaced.providers[0], NOW).unwrap();
    }

    #[test]
    fn a_file_where_a_folder_should_be_is_told_as_that() {
        let dir = TempDir::new().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        for wrong in [file.clone(), file.join("below")] {
            let refused = issue(&wrong, &ids(&["hub.example"]), Existing::Refuse, now()).unwrap_err();
            assert!(matches!(&refused, Error::NoFolder(path) if *path == wrong), "{refused}");
            assert!(refused.to_string().ends_with("is a file; name another folder"), "{refused}");
        }
        fs::write(dir.path().join("hub.example"), "").unwrap();
        assert!(matches!(issue_in(&dir, &["hub.example"], Existing::Refuse), Err(Error::NoFolder(_))));
    }

    #[test]
    fn an_authority_that_is_broken_is_not_made_anew() {
        let dir = TempDir::new().unwrap();
        issue_in(&dir, &["hub.example"], Existing::Refuse).unwrap();
        let key_file = dir.path().join("ca-key.pem");
        fs::copy(dir.path().join("hub.example/key.pem"), &key_file).unwrap();
        let another_key = issue_in(&dir, &["a.example"], Existing::Refuse);
        assert!(matches!(another_key, Err(Error::AnotherKey(..))), "{another_key:?}");
        fs::write(&key_file, "not a key").unwrap();
        assert!(matches!(issue_in(&dir, &["a.example"], Existing::Refuse), Err(Error::Authority(..))));
        fs::remove_file(&key_file).unwrap();
        assert!(matches!(issue_in(&dir, &["a.example"], Existing::Refuse), Err(Error::HalfAnAuthority(..))));
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = TempDir::new().unwrap();
        for existing in [Existing::Refuse, Existing::Replace] {
            issue_in(&dir, &["hub.example"], existing).unwrap();
            for key in ["ca-key.pem", "hub.example/key.pem"] {
                let mode = fs::metadata(dir.path().join(key)).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{key}");
            }
        }
        let names: Vec<_> =
            fs::read_dir(dir.path().join("hub.example")).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names.len(), 2, "nothing is left over: {names:?}");
    }
}
