//! A cursor over bytes: variable-length integers (RFC 9000 §16) and what stands behind them.

use super::Malformed;

/// What is left to read.
#[derive(Clone, Copy)]
pub(super) struct Reader<'message> {
    rest: &'message [u8],
}

impl<'message> Reader<'message> {
    pub(super) fn new(bytes: &'message [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'message [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An integer of 1, 2, 4 or 8 bytes. Longer encodings than needed are allowed, as in QUIC.
    pub(super) fn integer(&mut self) -> Result<u64, Malformed> {
        let first = *self.rest.first().ok_or(Malformed::Truncated)?;
        let bytes = self.take(1 << (first >> 6))?;
        let mut value = u64::from(first & 0x3f);
        for byte in &bytes[1..] {
            value = value << 8 | u64::from(*byte);
        }
        Ok(value)
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        usize::try_from(self.integer()?).map_err(|_| Malformed::Truncated)
    }

    /// A length, and that many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'message [u8], Malformed> {
        let length = self.length()?;
        self.take(length)
    }

    /// The same where a message may end: nothing at all stands for an empty section (RFC 9292 §3.8).
    pub(super) fn prefixed_or_omitted(&mut self) -> Result<&'message [u8], Malformed> {
        if self.is_empty() { Ok(&[]) } else { self.prefixed() }
    }

    /// What is left must be padding: zeros.
    pub(super) fn finish(self) -> Result<(), Malformed> {
        if self.rest.iter().all(|byte| *byte == 0) { Ok(()) } else { Err(Malformed::Padding) }
    }
}
