//! What is wrong with a certificate that was shown in a gateway's place.

use rustls::CertificateError;

/// Why a certificate was refused. A closed set: usable as a metric label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum CertificateFault {
    /// It is for other names.
    #[error("for another name than the gateway's")]
    Name,
    /// It comes from no authority that this client believes.
    #[error("of an authority that is not believed")]
    Authority,
    /// It is not valid yet or not any more, by this client's clock.
    #[error("that is not valid at this time (or this machine's clock is wrong)")]
    Time,
    /// It was withdrawn, is for something else, does not match the key of whoever showed it, or cannot be read.
    #[error("that is not good for a gateway")]
    Other,
}

impl CertificateFault {
    pub(super) fn of(error: &CertificateError) -> Self {
        match error {
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => Self::Name,
            CertificateError::UnknownIssuer => Self::Authority,
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => Self::Time,
            // rustls may add kinds.
            _ => Self::Other,
        }
    }
}
