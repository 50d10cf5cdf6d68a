//! TLS of a listener: our certificate, and what is asked of clients.

use std::{
    fmt,
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    config::{CertificateFault, facts},
    expiry::Expiry,
    pem::{self, PemError},
};

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that does not hold what it should.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A certificate that does not say what it must.
    #[error("the certificate {0}")]
    Certificate(#[from] CertificateFault),
    /// What rustls refuses.
    #[error("the certificates cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// An unusable authority.
    #[error("the certificate authority cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

/// Which certificates clients have to show.
#[derive(Clone, Copy, Debug)]
pub enum Clients<'a> {
    /// None is asked for.
    Unknown,
    /// One that comes from the authorities in this PEM file is asked for; a client without any is served too, one with
    /// a wrong one is not.
    Known(&'a Path),
    /// One that comes from the authorities in this PEM file is required.
    Required(&'a Path),
}

/// The TLS of a listener. Clones share it: [`Tls::replace`] is seen by all.
#[derive(Clone)]
pub struct Tls {
    acceptor: Arc<RwLock<TlsAcceptor>>,
    expiry: Expiry,
}

impl Tls {
    /// Reads a certificate with its intermediates, its key, and the authorities of clients. HTTP/2 and HTTP/1.1 are
    /// offered.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn read(cert_file: &Path, key_file: &Path, clients: Clients<'_>) -> Result<Self, TlsError> {
        let certificates = pem::certificates(cert_file)?;
        let leaf = certificates.first().ok_or_else(|| PemError::NoCertificate(cert_file.to_owned()))?;
        let expiry = Expiry::default();
        expiry.set(u64::try_from(facts(leaf)?.not_after).unwrap_or(0));
        let acceptor = acceptor(certificates, pem::private_key(key_file)?, clients)?;
        Ok(Self { acceptor: Arc::new(RwLock::new(acceptor)), expiry })
    }

    /// Reads the files again. Connections that are accepted from now on get what they say; others keep what they have.
    ///
    /// # Errors
    /// Which file cannot be used, and why: then everything stays as it was.
    pub fn replace(&self, cert_file: &Path, key_file: &Path, clients: Clients<'_>) -> Result<(), TlsError> {
        self.adopt(&Self::read(cert_file, key_file, clients)?);
        Ok(())
    }

    /// From now on connections get what the other one has: for whoever reads everything before taking over anything.
    pub fn adopt(&self, other: &Self) {
        let acceptor = other.acceptor();
        *self.acceptor.write().unwrap_or_else(PoisonError::into_inner) = acceptor;
        self.expiry.set(other.expiry.timestamp_seconds());
    }

    /// When the certificate expires, also once it is replaced.
    pub fn expiry(&self) -> &Expiry {
        &self.expiry
    }

    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        self.acceptor.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Tls")
    }
}

fn acceptor(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    clients: Clients<'_>,
) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier: Arc<dyn ClientCertVerifier> = match clients {
        Clients::Unknown => Arc::new(NoClientAuth),
        Clients::Known(ca_file) => {
            WebPkiClientVerifier::builder_with_provider(Arc::new(pem::authorities(ca_file)?), provider.clone())
                .allow_unauthenticated()
                .build()?
        }
        Clients::Required(ca_file) => {
            WebPkiClientVerifier::builder_with_provider(Arc::new(pem::authorities(ca_file)?), provider.clone())
                .build()?
        }
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
