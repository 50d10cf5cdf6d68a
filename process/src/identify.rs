//! What a connection's certificate says of its client, for each request on it.

use std::{fmt, sync::Arc};

use http::Extensions;
use rustls::pki_types::CertificateDer;

/// How to tell who is at the other end. Asked once for each connection; what it answers becomes an extension of each
/// request.
#[derive(Clone)]
pub struct Identify(Arc<Read>);

type Read = dyn Fn(Option<&CertificateDer<'_>>) -> Mark + Send + Sync;

/// Marks a request of one connection.
pub(crate) type Mark = Box<dyn Fn(&mut Extensions) + Send + Sync>;

impl Identify {
    /// Nobody is told apart.
    pub fn nobody() -> Self {
        Self(Arc::new(|_| Box::new(|_| {})))
    }

    /// Reads an identity from the certificate, if the client showed one. Only certificates that TLS has verified come
    /// here. `None`: the requests of this connection are not marked.
    ///
    /// The identity is cloned for each request: make that cheap.
    pub fn by<T>(read: impl Fn(Option<&CertificateDer<'_>>) -> Option<T> + Send + Sync + 'static) -> Self
    where
        T: Clone + Send + Sync + 'static,
    {
        Self(Arc::new(move |certificate| match read(certificate) {
            Some(identity) => Box::new(move |extensions| {
                extensions.insert(identity.clone());
            }),
            None => Box::new(|_| {}),
        }))
    }

    pub(crate) fn read(&self, certificate: Option<&CertificateDer<'_>>) -> Mark {
        (self.0)(certificate)
    }
}

impl fmt::Debug for Identify {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identify")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_once_marks_every_request() {
        let identify = Identify::by(|certificate| certificate.map(|der| der.len()));
        let mark = identify.read(Some(&CertificateDer::from(vec![0; 7])));
        for _ in 0..2 {
            let mut extensions = Extensions::new();
            mark(&mut extensions);
            assert_eq!(extensions.get::<usize>(), Some(&7));
        }
    }

    #[test]
    fn without_an_identity_nothing_is_marked() {
        for identify in [Identify::by(|certificate| certificate.map(|der| der.len())), Identify::nobody()] {
            let mut extensions = Extensions::new();
            identify.read(None)(&mut extensions);
            assert!(extensions.is_empty());
        }
    }
}
