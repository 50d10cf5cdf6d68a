//! TLS of the provider listener: our certificate, and a certificate of every client.

use std::{path::Path, sync::Arc};

use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::WebPkiClientVerifier,
};
use tokio_rustls::TlsAcceptor;

/// A certificate or key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that is no PEM of what it should hold.
    #[error("{0} cannot be read as PEM: {1}")]
    Pem(std::path::PathBuf, rustls::pki_types::pem::Error),
    /// What rustls refuses.
    #[error("the certificates cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
    /// An unusable authority.
    #[error("the certificate authority cannot be used: {0}")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect)
        .map_err(|error| TlsError::Pem(file.to_owned(), error))
}

/// Accepts clients whose certificates come from the authority. Whether they are peers is asked for each request.
///
/// # Errors
/// Which file cannot be used, and why.
pub fn provider_acceptor(cert_file: &Path, key_file: &Path, ca_file: &Path) -> Result<TlsAcceptor, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    for authority in certificates(ca_file)? {
        roots.add(authority)?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build()?;
    let key = PrivateKeyDer::from_pem_file(key_file).map_err(|error| TlsError::Pem(key_file.to_owned(), error))?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(verifier)
        .with_single_cert(certificates(cert_file)?, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
