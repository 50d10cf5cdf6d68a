//! Binary requests (RFC 9292, known-length), padded.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bhttp::{Message, Mode};
use zeroize::Zeroizing;

use super::size_class::{REQUEST_MAX, request_class};
use crate::wire::{MEDIA_TYPE, ServiceProviderId};

/// What an IMF-fixdate can say has four digits for the year. A gateway that claims another time, or a clock that lost
/// its own, gets a date that is refused.
const LAST_DATE: Duration = Duration::from_secs(253_402_300_799);

/// A request to the target behind a gateway.
pub(super) struct BinaryRequest<'a> {
    /// The authority: the provider's id.
    pub(super) provider: &'a ServiceProviderId,
    pub(super) path: &'static str,
    pub(super) body: &'a [u8],
}

impl BinaryRequest<'_> {
    /// The request of this time, rounded down to a second (RFC 9458 §6.5.1), with zeros up to its size class; `None`
    /// when it is longer than all classes.
    ///
    /// # Privacy
    /// The fields are the same for everybody. There is no content-length: the format has lengths of its own.
    pub(super) fn encode(&self, date: SystemTime) -> Option<Zeroizing<Vec<u8>>> {
        let authority = self.provider.as_str().as_bytes().to_vec();
        let mut message = Message::request(b"POST".to_vec(), b"https".to_vec(), authority, self.path.into());
        message.put_header("content-type", MEDIA_TYPE);
        message.put_header("date", httpdate::fmt_http_date(date.clamp(UNIX_EPOCH, UNIX_EPOCH + LAST_DATE)));
        // Room for everything: memory that grew would leave copies of tokens behind.
        let mut encoded = Zeroizing::new(Vec::with_capacity(REQUEST_MAX.max(self.body.len() + 1024)));
        message.write_bhttp(Mode::KnownLength, &mut *encoded).ok()?;
        // `bhttp` would keep a copy of the content, and wipe it never. Without any it ends with two lengths of zero, of
        // content and trailers (RFC 9292 §3.1); the content takes its place between them here.
        let content = encoded.len().checked_sub(2)?;
        encoded.truncate(content);
        write_length(self.body.len(), &mut encoded)?;
        encoded.extend_from_slice(self.body);
        encoded.push(0);
        let class = request_class(encoded.len())?;
        encoded.resize(class, 0);
        Some(encoded)
    }
}

/// A length as QUIC writes it (RFC 9000 §16), in one, two or four bytes; `None` when it needs more.
fn write_length(length: usize, to: &mut Vec<u8>) -> Option<()> {
    let length = u32::try_from(length).ok()?;
    match length {
        0..0x40 => to.extend_from_slice(&length.to_be_bytes()[3..]),
        0x40..0x4000 => to.extend_from_slice(&(length | 0x4000).to_be_bytes()[2..]),
        0x4000..0x4000_0000 => to.extend_from_slice(&(length | 0x8000_0000).to_be_bytes()),
        _ => return None,
    }
    Some(())
}
