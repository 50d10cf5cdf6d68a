//! A certificate that is refused behind the handshake.
//!
//! Under TLS 1.3 a client has finished its handshake before the server has looked at its certificate. The alert arrives
//! at whoever reads the connection next. That is hyper's task for the connection, and the request hears only that the
//! connection is closed. So the stream itself is watched.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use rustls::AlertDescription;

/// How often a peer has refused our certificate.
#[derive(Clone, Debug, Default)]
pub(super) struct Refusals(Arc<AtomicU64>);

impl Refusals {
    pub(super) fn count(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }

    fn note(&self, error: &io::Error) {
        let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
        if let Some(rustls::Error::AlertReceived(alert)) = cause
            && is_about_certificates(*alert)
        {
            self.0.fetch_add(1, Ordering::Release);
        }
    }
}

/// Alerts of RFC 8446, §6.2 that another connection with the same certificate would get again.
fn is_about_certificates(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::CertificateRequired
            // A signature that does not hold, in the handshake or in the chain. Records have an alert of their own.
            | AlertDescription::DecryptError
    )
}

/// A stream to a peer on which refusals are noted.
pub(super) struct Watched<S> {
    pub(super) stream: S,
    pub(super) refusals: Refusals,
}

impl<S: Read + Unpin> Read for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Poll::Ready(Err(error)) = &read {
            self.refusals.note(error);
        }
        read
    }
}

impl<S: Write + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

impl<S: Connection> Connection for Watched<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_alerts_about_certificates_count() {
        let refusals = Refusals::default();
        let note = |error: rustls::Error| refusals.note(&io::Error::new(io::ErrorKind::InvalidData, error));
        note(rustls::Error::AlertReceived(AlertDescription::InternalError));
        note(rustls::Error::DecryptError);
        refusals.note(&io::ErrorKind::ConnectionReset.into());
        assert_eq!(refusals.count(), 0);
        note(rustls::Error::AlertReceived(AlertDescription::UnknownCA));
        assert_eq!(refusals.count(), 1);
    }
}
