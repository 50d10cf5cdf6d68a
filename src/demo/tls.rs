//! TLS for whoever listens in: with certificates of the demo's own authority, and HTTP/1.1 only, which can be read.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Failure;

const HTTP1: &[u8] = b"http/1.1";

/// Answers in the name of `id`.
///
/// # Errors
/// When its files are gone.
pub(super) fn acceptor(pki: &Path, id: &str) -> Result<TlsAcceptor, Failure> {
    let (certificates, key) = identity(pki, id)?;
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_no_client_auth();
    let mut config = config.with_single_cert(certificates, key)?;
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Connects, and shows the certificate of `id` if there is one to show.
///
/// # Errors
/// When files are gone.
pub(super) fn connector(pki: &Path, id: Option<&str>) -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.join("ca.pem"))?)?;
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
    let config = config.with_safe_default_protocol_versions()?.with_root_certificates(roots);
    let mut config = match id {
        Some(id) => {
            let (certificates, key) = identity(pki, id)?;
            config.with_client_auth_cert(certificates, key)?
        }
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![HTTP1.to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn identity(pki: &Path, id: &str) -> Result<Identity, Failure> {
    let folder = pki.join(id);
    let certificates = CertificateDer::pem_file_iter(folder.join("cert.pem"))?.collect::<Result<_, _>>()?;
    Ok((certificates, PrivateKeyDer::from_pem_file(folder.join("key.pem"))?))
}
