//! The way to other providers: one client for the process, whoever goes out.

use std::path::{Path, PathBuf};

use restante_files::read_small;
use restante_process::pem;
use zeroize::Zeroizing;

use crate::{
    client::http::{InvalidPeerUrl, InvalidTls, Limits, ProviderClient, ProviderIdentity},
    config::Config,
};

/// The way to other providers cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ProvidersError {
    /// A file of `[provider]`.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// What is in them.
    #[error("[provider]: {0}")]
    Identity(#[from] InvalidTls),
    /// The url of a peer.
    #[error("[[peers]] url: {0}")]
    Url(#[from] InvalidPeerUrl),
}

/// Channels to all configured peers, with this provider's certificate.
///
/// # Errors
/// Which part of the configuration cannot be used.
pub(super) fn client(config: &Config) -> Result<ProviderClient, ProvidersError> {
    // Certificates may stand in one file with their key: all of them are wiped.
    let read = |path: &Path| {
        let read = read_small(path, pem::BYTES_MAX).map(Zeroizing::new);
        read.map_err(|error| ProvidersError::File(path.to_owned(), error))
    };
    let provider = &config.provider;
    let (ca, certificates, key) = (read(&provider.ca_file)?, read(&provider.cert_file)?, read(&provider.key_file)?);
    let identity = ProviderIdentity { ca: &ca, certificates: &certificates, key: &key };
    let peers = config.peers.iter().map(|peer| Ok((peer.id.clone(), peer.url.to_string().parse()?)));
    let peers = peers.collect::<Result<Vec<_>, ProvidersError>>()?;
    Ok(ProviderClient::new(identity, peers, Limits::default())?)
}
