//! Certificates and keys in PEM files (RFC 7468).

use std::{
    io,
    path::{Path, PathBuf},
};

use restante_files::read_small;
use rustls::{
    RootCertStore,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject},
    },
};
use zeroize::Zeroizing;

/// Longer files are not read: the bundles of authorities that systems bring have a fraction of it.
pub const BYTES_MAX: u64 = 4 * 1024 * 1024;

/// A file that does not hold what it should. It names the file and shows nothing of it.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read, or is no PEM.
    #[error("{0} cannot be read as PEM: {1}")]
    Unreadable(PathBuf, pem::Error),
    /// There is no certificate in it.
    #[error("{0} holds no certificate")]
    NoCertificate(PathBuf),
    /// There is no private key in it, or one with a passphrase.
    #[error("{0} holds no private key in PEM (PKCS#8, PKCS#1 or SEC1) without a passphrase")]
    NoKey(PathBuf),
    /// A certificate that is none of an authority.
    #[error("{0} holds a certificate that cannot be an authority: {1}")]
    NoAuthority(PathBuf, rustls::Error),
}

/// All certificates of a file, in their order; at least one.
///
/// # Errors
/// [`PemError`]
pub fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let text = read(file)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match found {
        Ok(found) if found.is_empty() => Err(PemError::NoCertificate(file.to_owned())),
        Ok(found) => Ok(found),
        Err(error) => Err(PemError::Unreadable(file.to_owned(), error)),
    }
}

/// The authorities of a file; at least one.
///
/// # Errors
/// [`PemError`]
pub fn authorities(file: &Path) -> Result<RootCertStore, PemError> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(file)? {
        roots.add(authority).map_err(|error| PemError::NoAuthority(file.to_owned(), error))?;
    }
    Ok(roots)
}

/// The first private key of a file. The text of the file is wiped.
///
/// # Errors
/// [`PemError`]: what is wrong with PEM is not shown, as it could quote the file.
pub fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, PemError> {
    let text = read(file)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| PemError::NoKey(file.to_owned()))
}

/// Certificates may stand in one file with their key: every text is wiped.
fn read(file: &Path) -> Result<Zeroizing<Vec<u8>>, PemError> {
    let unreadable = |error: io::Error| PemError::Unreadable(file.to_owned(), pem::Error::Io(error));
    read_small(file, BYTES_MAX).map(Zeroizing::new).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};

    use super::*;

    #[test]
    fn a_file_holds_what_it_should_or_is_named() {
        let folder = tempfile::TempDir::new().unwrap();
        let file = folder.path().join("some.pem");
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap().pem();
        fs::write(&file, [certificate.as_str(), &certificate, &key.serialize_pem()].concat()).unwrap();
        assert_eq!(certificates(&file).unwrap().len(), 2);
        assert_eq!(authorities(&file).unwrap().len(), 2);
        assert_eq!(private_key(&file).unwrap().secret_der(), key.serialize_der());
        for text in ["", "nothing", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            fs::write(&file, text).unwrap();
            let said = authorities(&file).unwrap_err().to_string();
            assert!(said.starts_with(&file.display().to_string()), "{said}");
            let said = private_key(&file).unwrap_err().to_string();
            assert!(said.starts_with(&file.display().to_string()) && !said.contains("AAAA"), "{said}");
        }
        assert!(matches!(certificates(&folder.path().join("none")), Err(PemError::Unreadable(..))));
        let device = Path::new("/dev/null");
        assert!(matches!(certificates(device), Err(PemError::Unreadable(..))));
        assert!(matches!(private_key(device), Err(PemError::Unreadable(..))));
    }
}
