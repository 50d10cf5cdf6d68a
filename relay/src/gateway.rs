//! One configured gateway: where it is, and how TLS with it begins.
//!
//! # Privacy
//! All of it comes from the operator's configuration. No part of a client's request is ever a part of where the relay
//! connects to.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use http::Uri;
use restante_files::read_small;
use restante_process::pem::{self, PemError};
use rustls::{ClientConfig, pki_types::ServerName};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::provider_id::{ProviderId, is_domain_name};

/// An upstream, as it is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The provider that it stands before; the last part of the relay resource's path.
    pub provider: ProviderId,
    /// The gateway resource.
    pub url: GatewayUrl,
    /// Where to connect instead of looking the url's host up. TLS is verified for the host all the same.
    pub address: Option<SocketAddr>,
    /// PEM: the authorities that the gateway's certificate must come from.
    pub ca_file: PathBuf,
    /// The certificate by which the gateway knows this relay, and its key (RFC 9458 §6.2.2).
    pub identity: Option<IdentityFiles>,
}

/// A client certificate and its private key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityFiles {
    /// The certificate, then its intermediates.
    pub cert_file: PathBuf,
    /// The key.
    pub key_file: PathBuf,
}

/// `https`, a domain name, perhaps a port, and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayUrl {
    host: Box<str>,
    port: u16,
    path: Box<str>,
}

/// The text is no url of a gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write https://, a lower-case domain name, perhaps a port, and a path, without query or fragment, such as \
     https://follower.example/.well-known/ohttp-gateway"
)]
pub struct InvalidUrl;

impl std::str::FromStr for GatewayUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidUrl)?;
        let authority = uri.authority().ok_or(InvalidUrl)?;
        let port = authority.port_u16().unwrap_or(443);
        let path = uri.path();
        let (host, port_text) = match authority.as_str().split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority.as_str(), None),
        };
        let is_good = uri.scheme_str() == Some("https")
            && is_domain_name(host)
            && port != 0
            && port_text.is_none_or(|text| text == port.to_string())
            && uri.query().is_none()
            // `Uri` drops a fragment without a word.
            && !text.contains('#')
            && !path.contains("..");
        if is_good { Ok(Self { host: host.into(), port, path: path.into() }) } else { Err(InvalidUrl) }
    }
}

impl GatewayUrl {
    /// The name that TLS is verified for.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// 443 unless the url has another one.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path of the gateway resource.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What `CONNECT` must name: host and port (RFC 9110 §9.3.6).
    pub fn tunnel_authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// As it goes upstream.
    pub(crate) fn authority(&self) -> String {
        if self.port == 443 { self.host.to_string() } else { self.tunnel_authority() }
    }
}

/// A certificate, key or name that TLS cannot be begun with. For the operator's terminal: it names files.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file that does not hold what it should.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// What rustls refuses.
    #[error("the certificates of a gateway cannot be used: {0}")]
    Rustls(#[from] rustls::Error),
}

impl Gateway {
    /// The name that the gateway's certificate must have.
    pub(crate) fn server_name(&self) -> ServerName<'static> {
        ServerName::try_from(self.url.host().to_owned()).expect("a domain name, by GatewayUrl")
    }

    /// How TLS with this gateway begins. HTTP/2 is preferred: one connection carries the requests of all users.
    ///
    /// # Errors
    /// Which file cannot be used, and why.
    pub fn tls(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(pem::authorities(&self.ca_file)?);
        let mut config = match &self.identity {
            Some(IdentityFiles { cert_file, key_file }) => {
                builder.with_client_auth_cert(pem::certificates(cert_file)?, pem::private_key(key_file)?)?
            }
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// What is in the files that [`Self::tls`] reads, as a hash. `None` if one cannot be read: that one says which.
    pub(crate) fn files_sha256(&self) -> Option<[u8; 32]> {
        let identity = self.identity.as_ref();
        let files =
            [Some(&self.ca_file), identity.map(|files| &files.cert_file), identity.map(|files| &files.key_file)];
        let mut whole = Sha256::new();
        for file in files.into_iter().flatten() {
            let bytes = Zeroizing::new(read_small(file, pem::BYTES_MAX).ok()?);
            // The hash of each: where one ends and the next begins is part of it.
            whole.update(Sha256::digest(bytes.as_slice()));
        }
        Some(whole.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn another_file_or_what_is_in_it_makes_another_hash() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        };
        let identity =
            |cert: &str, key: &str| Some(IdentityFiles { cert_file: file("cert", cert), key_file: file("key", key) });
        let gateway = |ca_file, identity| Gateway {
            provider: "follower.example".parse().unwrap(),
            url: "https://follower.example/".parse().unwrap(),
            address: None,
            ca_file,
            identity,
        };
        let hash = |ca: &str, identity| gateway(file("ca", ca), identity).files_sha256().unwrap();
        let hashes = [
            hash("a", None),
            hash("b", None),
            hash("a", identity("c", "k")),
            hash("a", identity("ck", "")),
            hash("ac", identity("", "k")),
        ];
        for (place, one) in hashes.iter().enumerate() {
            assert!(!hashes[..place].contains(one), "{place}");
        }
        assert_eq!(hash("a", None), hashes[0]);
        assert_eq!(gateway(folder.path().join("none"), None).files_sha256(), None);
    }

    #[test]
    fn urls_are_https_with_a_name_and_a_path() {
        let url: GatewayUrl = "https://follower.example/.well-known/ohttp-gateway".parse().unwrap();
        assert_eq!((url.host(), url.port(), url.path()), ("follower.example", 443, "/.well-known/ohttp-gateway"));
        assert_eq!(
            (url.tunnel_authority().as_str(), url.authority().as_str()),
            ("follower.example:443", "follower.example")
        );
        let url: GatewayUrl = "https://follower.example:8443/x".parse().unwrap();
        assert_eq!((url.tunnel_authority(), url.authority()), (url.authority(), "follower.example:8443".to_owned()));
        for bad in [
            "",
            "follower.example",
            "http://follower.example/x",
            "https://127.0.0.1/x",
            "https://[::1]/x",
            "https://user@follower.example/x",
            "https://follower.example/x?y",
            "https://follower.example/x#y",
            "https://Follower.example/x",
            "https://follower.example:0/x",
            "https://follower.example:/x",
            "https://follower.example/../x",
            "https://follower.example:99999/x",
            "https://localhost/x",
        ] {
            assert!(bad.parse::<GatewayUrl>().is_err(), "{bad}");
        }
    }
}
