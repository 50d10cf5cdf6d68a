//! An authority for tests.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};

use crate::client::oblivious::TrustRoots;

pub(super) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// All of these have one name and keys of their own.
    pub(super) fn new() -> Self {
        Self::named("an authority for tests")
    }

    pub(super) fn named(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(super) fn roots(&self) -> TrustRoots {
        TrustRoots::from_pem(self.0.pem().as_bytes()).unwrap()
    }

    /// A server of this name.
    pub(super) fn server(&self, name: &str, alpn: &[&str]) -> ServerConfig {
        self.certified(CertificateParams::new(vec![name.to_owned()]).unwrap(), alpn)
    }

    /// A server whose certificate says something else than others do.
    pub(super) fn certified(&self, params: CertificateParams, alpn: &[&str]) -> ServerConfig {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    }
}
