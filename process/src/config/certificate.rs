//! What a certificate says: one name, when it is valid, what it may be used for.
//!
//! Only reads. Whether the certificate is to be trusted is rustls's business.

use std::time::{SystemTime, UNIX_EPOCH};

use x509_parser::{
    certificate::X509Certificate,
    extensions::GeneralName,
    prelude::{FromDer, X509Error},
};

/// Why a certificate does not name anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    /// The bytes are no X.509 certificate.
    #[error("is no X.509 certificate")]
    Malformed,
    /// No dNSName. A common name does not count.
    #[error("has no dNSName among its subject alternative names; the common name does not count")]
    NoName,
    /// More than one dNSName.
    #[error("has more than one dNSName; it must have exactly one name")]
    SeveralNames,
}

/// Whom a certificate (DER) names: its only dNSName, as it stands there. The common name is ignored
/// (`specs/http.md`). What may be a name, such as whether a wildcard may, is for the caller to say.
///
/// # Errors
/// The certificate names nobody, or more than one.
pub fn dns_name_of(certificate: &[u8]) -> Result<String, CertificateFault> {
    dns_name(&parse(certificate)?)
}

/// All dNSNames of a certificate (DER), as they stand there.
///
/// # Errors
/// It cannot be read.
pub fn dns_names_of(certificate: &[u8]) -> Result<Vec<String>, CertificateFault> {
    Ok(dns_names(&parse(certificate)?)?.into_iter().map(str::to_owned).collect())
}

/// What is checked of our own certificates.
#[derive(Debug)]
pub struct Facts {
    /// Its only dNSName.
    pub name: Result<String, CertificateFault>,
    /// Seconds since 1970.
    pub not_before: i64,
    /// Seconds since 1970.
    pub not_after: i64,
    /// Whether a server may present it.
    pub serves: bool,
    /// Whether a client may present it.
    pub calls: bool,
}

/// Reads a certificate (DER).
///
/// # Errors
/// It is none.
pub fn facts(certificate: &[u8]) -> Result<Facts, CertificateFault> {
    let certificate = parse(certificate)?;
    let usage = certificate.extended_key_usage().map_err(malformed)?;
    Ok(Facts {
        name: dns_name(&certificate),
        not_before: certificate.validity().not_before.timestamp(),
        not_after: certificate.validity().not_after.timestamp(),
        // Without the extension every use is allowed. The value `any` is not enough for webpki.
        serves: usage.as_ref().is_none_or(|usage| usage.value.server_auth),
        calls: usage.as_ref().is_none_or(|usage| usage.value.client_auth),
    })
}

/// Whether a certificate (DER) can be that of an authority: it says so, or it is issued by itself, as are old roots
/// that do not say it, and certificates that are trusted alone.
pub(super) fn may_be_authority(certificate: &[u8]) -> bool {
    parse(certificate).is_ok_and(|found| found.is_ca() || found.subject().as_raw() == found.issuer().as_raw())
}

/// Seconds since 1970, as certificates count.
pub fn seconds(now: SystemTime) -> i64 {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, CertificateFault> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        _ => Err(CertificateFault::Malformed),
    }
}

fn dns_name(certificate: &X509Certificate<'_>) -> Result<String, CertificateFault> {
    match dns_names(certificate)?[..] {
        [] => Err(CertificateFault::NoName),
        [name] => Ok(name.to_owned()),
        _ => Err(CertificateFault::SeveralNames),
    }
}

fn dns_names<'der>(certificate: &X509Certificate<'der>) -> Result<Vec<&'der str>, CertificateFault> {
    let names = certificate.subject_alternative_name().map_err(malformed)?;
    let dns_names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| {
        let GeneralName::DNSName(name) = name else { return None };
        Some(*name)
    });
    Ok(dns_names.collect())
}

fn malformed(_: X509Error) -> CertificateFault {
    CertificateFault::Malformed
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, SanType};

    use super::*;

    fn certificate(names: &[&str]) -> Vec<u8> {
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    #[test]
    fn exactly_one_dns_name_is_the_name() {
        assert_eq!(dns_name_of(&certificate(&["hub.example"])).unwrap(), "hub.example");
        assert_eq!(dns_name_of(&certificate(&["127.0.0.1", "hub.example"])).unwrap(), "hub.example");
        assert_eq!(dns_name_of(&certificate(&["a.example", "b.example"])), Err(CertificateFault::SeveralNames));
        let names = dns_names_of(&certificate(&["a.example", "127.0.0.1", "*.b.example"])).unwrap();
        assert_eq!(names, ["a.example", "*.b.example"]);
        assert_eq!(dns_name_of(&certificate(&["a.example", "a.example"])), Err(CertificateFault::SeveralNames));
        assert_eq!(dns_name_of(&certificate(&[])), Err(CertificateFault::NoName));
        assert_eq!(dns_name_of(&certificate(&["127.0.0.1"])), Err(CertificateFault::NoName));
    }

    #[test]
    fn truncated_and_trailing_bytes_are_malformed() {
        let mut der = certificate(&["hub.example"]);
        for length in 0..der.len() {
            assert_eq!(dns_name_of(&der[..length]), Err(CertificateFault::Malformed), "{length}");
        }
        der.push(0);
        assert_eq!(dns_name_of(&der), Err(CertificateFault::Malformed));
    }
}
