//! Which provider a certificate names.

use crate::wire::ServiceProviderId;

/// Why a certificate names no provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// It is none, or has not exactly one dNSName.
    #[error(transparent)]
    Certificate(#[from] restante_process::config::CertificateFault),
    /// A dNSName that is no id: a wildcard, capital letters, a single label.
    #[error("has a dNSName that is no provider's id: it must be a lower-case domain name without a wildcard")]
    NoId,
}

/// The provider that a certificate (DER) names: its only dNSName. Wildcards are refused and the common name is
/// ignored (`specs/http.md`).
///
/// # Errors
/// The certificate names no provider, or more than one.
pub fn dns_name_of(certificate: &[u8]) -> Result<ServiceProviderId, CertificateFault> {
    restante_process::config::dns_name_of(certificate)?.parse().map_err(|_| CertificateFault::NoId)
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    fn certificate(name: &str) -> Vec<u8> {
        generate_simple_self_signed([name.to_owned()]).unwrap().cert.der().to_vec()
    }

    #[test]
    fn the_name_is_the_provider() {
        assert_eq!(dns_name_of(&certificate("hub.example")).unwrap().as_str(), "hub.example");
    }

    #[test]
    fn names_that_are_no_ids_are_refused() {
        for name in ["*.example.org", "Hub.example", "hub.example.", "hub_1.example"] {
            assert_eq!(dns_name_of(&certificate(name)), Err(CertificateFault::NoId), "{name}");
        }
    }
}
