//! The beginning of HTTP on a connection, for which there is a deadline: hyper's own begins only after it.
//!
//! Which protocol a client speaks is told from its first bytes: those of the HTTP/2 connection preface (RFC 9113, §3.4),
//! or others. Over HTTP/1.1 the beginning is over with the first byte that is not the preface's; hyper limits the time
//! of each head from there. Over HTTP/2 it is over with the first frame, which has to be SETTINGS; pings find out later
//! silence.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use crate::place::Place;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length (3 bytes), type, flags, stream.
const FRAME_HEADER_BYTES: usize = 9;

/// A stream whose reads fail when the client has not begun in time; and its place among the connections, which it keeps
/// after HTTP has handed it over to a tunnel.
pub(crate) struct Opening<S> {
    stream: S,
    /// Gone when the client has begun.
    waiting: Option<(Beginning, Pin<Box<Sleep>>)>,
    _place: Place,
}

impl<S> Opening<S> {
    pub(crate) fn within(time: Duration, stream: S, place: Place) -> Self {
        Self { stream, waiting: Some((Beginning::default(), Box::pin(tokio::time::sleep(time)))), _place: place }
    }
}

/// How far a client has come.
#[derive(Debug, Default)]
struct Beginning {
    /// Bytes of the preface and of the first frame.
    seen: usize,
    /// What the first frame's header says of its payload.
    payload: usize,
}

impl Beginning {
    /// Takes note of bytes that were read. Whether they complete the beginning.
    fn ends_with(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            match PREFACE.get(self.seen) {
                Some(expected) if byte == expected => {}
                Some(_) => return true,
                None if self.seen < PREFACE.len() + 3 => self.payload = self.payload << 8 | usize::from(*byte),
                None => {}
            }
            self.seen += 1;
            if self.seen == PREFACE.len() + FRAME_HEADER_BYTES + self.payload {
                return true;
            }
        }
        false
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Opening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Self { stream, waiting, .. } = &mut *self;
        let before = buffer.filled().len();
        let read = Pin::new(stream).poll_read(context, buffer);
        if let Some((beginning, deadline)) = waiting {
            if read.is_pending() {
                ready!(deadline.as_mut().poll(context));
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            if beginning.ends_with(buffer.filled().get(before..).unwrap_or_default()) {
                *waiting = None;
            }
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Opening<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the bytes it takes until the beginning is over, however they are cut.
    fn length_of(bytes: &[u8]) -> Option<usize> {
        let mut one_by_one = Beginning::default();
        let at = bytes.iter().position(|byte| one_by_one.ends_with(&[*byte])).map(|at| at + 1);
        for cut in 0..bytes.len() {
            let mut beginning = Beginning::default();
            let ended = beginning.ends_with(&bytes[..cut]) || beginning.ends_with(&bytes[cut..]);
            assert_eq!(ended, at.is_some(), "cut at {cut}");
        }
        at
    }

    #[test]
    fn another_byte_than_the_preface_s_begins_http_1() {
        assert_eq!(length_of(b"GET / HTTP/1.1\r\n"), Some(1));
        assert_eq!(length_of(b"POST / HTTP/1.1\r\n"), Some(2));
        assert_eq!(length_of(b"PRI * HTTP/2.1\r\n"), Some(14));
    }

    #[test]
    fn http_2_has_begun_with_its_first_frame() {
        let empty = [PREFACE, &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
        assert_eq!(length_of(&empty), Some(33));
        let six = [PREFACE, &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 9, 9]].concat();
        assert_eq!(length_of(&six), Some(39));
        for length in 0..39 {
            assert_eq!(length_of(&six[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_long_first_frame_is_counted_in_three_bytes() {
        let mut bytes = [PREFACE, &[0, 1, 2, 4, 0, 0, 0, 0, 0]].concat();
        bytes.resize(33 + 258, 0);
        assert_eq!(length_of(&bytes), Some(33 + 258));
        assert_eq!(length_of(&bytes[..33 + 257]), None);
    }
}
