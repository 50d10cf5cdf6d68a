//! Authorities and certificates in a folder of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tempfile::TempDir;

/// The name of every listener here.
pub(crate) const SERVER: &str = "server.example";

/// An authority, and the listener's certificate from it.
pub(crate) struct Pki {
    folder: TempDir,
    authority: Authority,
}

impl Pki {
    pub(crate) fn new() -> Self {
        let (folder, authority) = (TempDir::new().unwrap(), Authority::new());
        fs::write(folder.path().join("ca.pem"), authority.certificate.pem()).unwrap();
        let pki = Self { folder, authority };
        pki.renew_server();
        pki
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn ca_file(&self) -> PathBuf {
        self.file("ca.pem")
    }

    pub(crate) fn cert_file(&self) -> PathBuf {
        self.file("cert.pem")
    }

    pub(crate) fn key_file(&self) -> PathBuf {
        self.file("key.pem")
    }

    /// Issues the listener's certificate anew, with a new key. Returns it in DER.
    pub(crate) fn renew_server(&self) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let certificate = self.authority.issue(SERVER, &key);
        fs::write(self.cert_file(), certificate.pem()).unwrap();
        write_secret(&self.key_file(), &key.serialize_pem());
        certificate.der().clone()
    }

    /// A client that trusts the authority and shows no certificate.
    pub(crate) fn anonymous(&self) -> ClientConfig {
        self.trusting().with_no_client_auth()
    }

    /// A client that shows a certificate of this authority.
    pub(crate) fn named(&self, name: &str) -> ClientConfig {
        self.showing(&self.authority, name)
    }

    /// A client that shows a certificate of an authority that nobody knows.
    pub(crate) fn stranger(&self, name: &str) -> ClientConfig {
        self.showing(&Authority::new(), name)
    }

    fn showing(&self, authority: &Authority, name: &str) -> ClientConfig {
        let key = KeyPair::generate().unwrap();
        let chain = vec![authority.issue(name, &key).der().clone()];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        self.trusting().with_client_auth_cert(chain, key).unwrap()
    }

    fn trusting(&self) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate.der().clone()).unwrap();
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }
}

struct Authority {
    certificate: rcgen::Certificate,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self { certificate, issuer: Issuer::new(params, key) }
    }

    fn issue(&self, name: &str, key: &KeyPair) -> rcgen::Certificate {
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        params.signed_by(key, &self.issuer).unwrap()
    }
}

fn write_secret(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}
