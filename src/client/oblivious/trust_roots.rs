//! Whose signature makes a certificate good.

use std::{fmt, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::aws_lc_rs,
    pki_types::{CertificateDer, pem::PemObject},
};

/// The certificate authorities that a client believes when relay and gateway say who they are.
#[derive(Clone)]
pub struct TrustRoots(Arc<RootCertStore>);

/// There is no certificate authority to believe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoTrustRoots {
    /// The caller's PEM has no certificate, or one that cannot be read.
    #[error("there is no usable certificate of an authority; it must be PEM, with a line -----BEGIN CERTIFICATE-----")]
    Pem,
    /// The system has none, or none that can be read.
    #[error("the system's certificate authorities cannot be read; name a file of your own")]
    System,
}

impl TrustRoots {
    /// Those in the PEM, and no others.
    ///
    /// # Errors
    /// [`NoTrustRoots::Pem`]
    pub fn from_pem(pem: &[u8]) -> Result<Self, NoTrustRoots> {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            roots.add(certificate.map_err(|_| NoTrustRoots::Pem)?).map_err(|_| NoTrustRoots::Pem)?;
        }
        if roots.is_empty() { Err(NoTrustRoots::Pem) } else { Ok(Self(Arc::new(roots))) }
    }

    /// Those of the system. Reads files: not for asynchronous code.
    ///
    /// # Privacy
    /// Only the list is the system's; the verification is rustls'. Verifiers of platforms may ask servers on the network
    /// whether a certificate is revoked, and so tell them which provider somebody is about to contact.
    ///
    /// # Errors
    /// [`NoTrustRoots::System`]
    pub fn system() -> Result<Self, NoTrustRoots> {
        let mut roots = RootCertStore::empty();
        // Every system has a certificate or two that cannot be read.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if roots.is_empty() { Err(NoTrustRoots::System) } else { Ok(Self(Arc::new(roots))) }
    }

    /// TLS towards the relay, which knows who asks anyway.
    pub(super) fn relay_tls(&self) -> ClientConfig {
        ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("AWS-LC has the suites of TLS 1.2 and 1.3")
            .with_root_certificates(Arc::clone(&self.0))
            .with_no_client_auth()
    }

    /// TLS towards the gateway, through the relay.
    ///
    /// # Privacy
    /// No session is resumed: a ticket would tell the gateway that it is the same client again.
    pub(super) fn gateway_tls(&self) -> ClientConfig {
        let mut tls = self.relay_tls();
        tls.resumption = Resumption::disabled();
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        tls
    }
}

impl fmt::Debug for TrustRoots {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TrustRoots({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_certificate_is_no_root() {
        for pem in
            ["", "-----BEGIN CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
        {
            assert_eq!(TrustRoots::from_pem(pem.as_bytes()).unwrap_err(), NoTrustRoots::Pem, "{pem}");
        }
    }
}
