//! RFC 9420 §2.1 written a second time, for the vectors: what the crate encodes is compared with this, not with itself.

use std::iter::once;

/// Bytes in the TLS presentation language, appended one value at a time.
#[derive(Clone, Default)]
pub(crate) struct Tls(Vec<u8>);

impl Tls {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn raw(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.0.extend_from_slice(bytes.as_ref());
        self
    }

    pub(crate) fn u8(self, value: u8) -> Self {
        self.raw([value])
    }

    pub(crate) fn u16(self, value: u16) -> Self {
        self.raw(value.to_be_bytes())
    }

    pub(crate) fn u32(self, value: u32) -> Self {
        self.raw(value.to_be_bytes())
    }

    pub(crate) fn u64(self, value: u64) -> Self {
        self.raw(value.to_be_bytes())
    }

    /// `opaque x<V>`, or a vector whose elements are already encoded.
    pub(crate) fn vector(self, content: impl AsRef<[u8]>) -> Self {
        let content = content.as_ref();
        let length = u32::try_from(content.len()).expect("a vector of a test is short");
        let prefix = match length {
            0..0x40 => length.to_be_bytes()[3..].to_vec(),
            0x40..0x4000 => (length | 0x4000).to_be_bytes()[2..].to_vec(),
            _ => (length | 0x8000_0000).to_be_bytes().to_vec(),
        };
        self.raw(prefix).raw(content)
    }

    /// A vector of elements.
    pub(crate) fn list<T: AsRef<[u8]>>(self, elements: impl IntoIterator<Item = T>) -> Self {
        let content: Vec<u8> = elements.into_iter().flat_map(|element| element.as_ref().to_vec()).collect();
        self.vector(content)
    }

    /// A vector of `opaque x<V>`.
    pub(crate) fn names<T: AsRef<[u8]>>(self, names: impl IntoIterator<Item = T>) -> Self {
        self.list(names.into_iter().map(|name| Self::new().vector(name)))
    }

    pub(crate) fn absent(self) -> Self {
        self.u8(0)
    }

    pub(crate) fn present(self, value: impl AsRef<[u8]>) -> Self {
        self.u8(1).raw(value)
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        self.0
    }

    /// Every strict prefix is too short; the one that lacks only the last byte stands for them in the published files.
    pub(crate) fn without_last(bytes: &[u8]) -> Vec<u8> {
        bytes[..bytes.len() - 1].to_vec()
    }

    pub(crate) fn with_one_more(bytes: &[u8]) -> Vec<u8> {
        bytes.iter().copied().chain(once(0)).collect()
    }
}

impl AsRef<[u8]> for Tls {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
