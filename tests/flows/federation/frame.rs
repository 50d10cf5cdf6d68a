//! Frames of HTTP/2 (RFC 9113 §4.1), as far as one has to see where exchanges begin and end.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client says first (RFC 9113 §3.4).
pub(super) const PREFACE_BYTES: usize = 24;

const HEADER_BYTES: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;

/// One frame, to be passed on as it is.
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
}

impl Frame {
    /// The next frame; `None` at the end of the connection.
    pub(super) async fn read(reader: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut header = [0; HEADER_BYTES];
        match reader.read_exact(&mut header).await {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        // Three bytes: no frame is longer than 16 MiB, and nobody here has asked for any of more than 16 KiB.
        let length = header[..3].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let mut bytes = header.to_vec();
        bytes.resize(HEADER_BYTES + length, 0);
        reader.read_exact(&mut bytes[HEADER_BYTES..]).await?;
        Ok(Some(Self { bytes }))
    }

    /// Which exchange it belongs to; 0 for the connection.
    pub(super) fn stream(&self) -> u32 {
        u32::from_be_bytes(self.bytes[5..9].try_into().unwrap()) & 0x7fff_ffff
    }

    /// Whether it holds fields. The first of these of a stream begins the request, or the answer.
    pub(super) fn has_fields(&self) -> bool {
        self.bytes[3] == HEADERS
    }

    /// Whether nothing follows in its stream.
    pub(super) fn is_last(&self) -> bool {
        matches!(self.bytes[3], DATA | HEADERS) && self.bytes[4] & END_STREAM != 0
    }

    /// Content, if it holds any.
    pub(super) fn content(&self) -> Option<&[u8]> {
        (self.bytes[3] == DATA).then(|| &self.bytes[HEADER_BYTES..])
    }
}
