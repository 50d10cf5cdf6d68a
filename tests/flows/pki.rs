//! Certificates: good ones from `restante dev-pki`, and all the others.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    SanType,
};
use restante::client::http::{Limits, ProviderClient, ProviderIdentity};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use tokio::process::Command;

use crate::process::PROGRAM;

/// A folder of `restante dev-pki`.
pub(crate) struct Pki {
    pub(crate) folder: PathBuf,
}

/// Certificate and key of somebody, in PEM.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Pki {
    /// Runs `restante dev-pki`.
    pub(crate) async fn issue(folder: &Path, ids: &[&str]) -> Self {
        let output = Command::new(PROGRAM).arg("dev-pki").arg(folder).args(ids).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Self { folder: folder.to_owned() }
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.join("ca.pem")
    }

    /// The certificate that it issued for the provider.
    pub(crate) fn identity(&self, id: &str) -> Identity {
        let read = |name| fs::read_to_string(self.folder.join(id).join(name)).unwrap();
        Identity { certificate: read("cert.pem"), key: read("key.pem") }
    }

    /// A certificate of the same authority that is not like those of `restante dev-pki`.
    pub(crate) fn odd(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let key = KeyPair::from_pem(&fs::read_to_string(self.folder.join("ca-key.pem")).unwrap()).unwrap();
        let issuer = Issuer::from_ca_cert_pem(&fs::read_to_string(self.authority()).unwrap(), key).unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "follower.example");
        params.subject_alt_names = names.iter().map(|name| SanType::DnsName((*name).try_into().unwrap())).collect();
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        Identity { certificate: params.signed_by(&key, &issuer).unwrap().pem(), key: key.serialize_pem() }
    }

    /// What a client believes, and whom it says to be.
    pub(crate) fn tls(&self, identity: Option<&Identity>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.authority()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let Some(identity) = identity else { return Arc::new(builder.with_no_client_auth()) };
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
        Arc::new(builder.with_client_auth_cert(vec![certificate], key).unwrap())
    }

    /// Talks to a provider as this identity.
    pub(crate) fn client(&self, identity: &Identity, id: &str, address: std::net::SocketAddr) -> ProviderClient {
        let ca = fs::read(self.authority()).unwrap();
        let identity =
            ProviderIdentity { ca: &ca, certificates: identity.certificate.as_bytes(), key: identity.key.as_bytes() };
        let url = format!("https://{address}").parse().unwrap();
        ProviderClient::new(identity, [(id.parse().unwrap(), url)], Limits::default()).unwrap()
    }
}

/// Signed by nobody but itself, and an authority as well, to look like one.
pub(crate) fn self_signed(name: &str) -> Identity {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Identity { certificate: params.self_signed(&key).unwrap().pem(), key: key.serialize_pem() }
}
