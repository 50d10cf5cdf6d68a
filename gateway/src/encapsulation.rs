//! Encapsulated Requests and Responses (RFC 9458 §4).
//!
//! # Security
//! The types are the rule of §5.2: an [`Unopened`] request may be refused in clear; opening it consumes it, and what
//! then exists, [`Opened`], can become an [`EncapsulatedResponse`] and nothing else. The random bytes that the response
//! needs are drawn before, so that sealing cannot fail.

use std::fmt;

use bytes::Bytes;
use http::{Response, StatusCode, header};
use http_body_util::Full;
use zeroize::Zeroizing;

use crate::{
    binary::Padded,
    hpke::{self, Aead, Context, KDF_HKDF_SHA256, Kem, NONCE_LENGTH, Undecryptable},
    live_keys::LiveKeys,
    machine::{NoEntropy, Surroundings},
    media_type,
};

/// Bytes of key id, KEM, KDF and AEAD before the encapsulated key.
const HEADER: usize = 7;

/// The longest response nonce, `max(Nn, Nk)`.
const RESPONSE_NONCE_MAX: usize = Padded::ROOM_BEFORE;

/// No Encapsulated Request is shorter: a header, the shortest encapsulated key, a tag.
const SHORTEST: usize = HEADER + 32 + 16;

/// Why a body was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotOpened {
    /// Shorter than any Encapsulated Request.
    #[error("too short for an encapsulated request")]
    TooShort,
    /// The key is unknown, the suite is not offered, or it does not decrypt.
    #[error(transparent)]
    Undecryptable(#[from] Undecryptable),
}

/// An Encapsulated Request as it came.
pub struct Unopened {
    body: Bytes,
    response_nonce: [u8; RESPONSE_NONCE_MAX],
}

impl Unopened {
    /// A body that may be an Encapsulated Request.
    ///
    /// # Errors
    /// When there are no random bytes for the response.
    pub fn new(body: Bytes, surroundings: &dyn Surroundings) -> Result<Self, NoEntropy> {
        let mut response_nonce = [0; RESPONSE_NONCE_MAX];
        surroundings.fill(&mut response_nonce)?;
        Ok(Self { body, response_nonce })
    }

    /// Decapsulates (§4.3).
    ///
    /// # Errors
    /// The key is unknown or no longer accepted, KEM, KDF or AEAD are not its own, the body is cut or was altered.
    pub fn open(self, keys: &LiveKeys, now_ms: u64) -> Result<Opened, NotOpened> {
        if self.body.len() < SHORTEST {
            return Err(NotOpened::TooShort);
        }
        let (header, rest) = self.body.split_first_chunk::<HEADER>().ok_or(NotOpened::TooShort)?;
        let [key_id, kem @ .., _, _, _, _] = *header;
        let kem = Kem::from_id(u16::from_be_bytes(kem)).ok_or(Undecryptable)?;
        let kdf = u16::from_be_bytes([header[3], header[4]]);
        let aead = Aead::from_id(u16::from_be_bytes([header[5], header[6]])).ok_or(Undecryptable)?;
        let key = keys.find(key_id, now_ms).ok_or(Undecryptable)?;
        if key.kem() != kem || kdf != KDF_HKDF_SHA256 {
            return Err(Undecryptable.into());
        }
        let (encapsulated, sealed) = rest.split_at_checked(kem.encapsulated_length()).ok_or(Undecryptable)?;
        let context = key.receive(aead, encapsulated)?;
        let message = context.open(&[], sealed)?;
        let digest = replay_digest(key_id, encapsulated);
        let reply = Reply::new(aead, &context, encapsulated, self.response_nonce);
        Ok(Opened { message: Bytes::from_owner(Wiped(message)), digest, reply })
    }
}

impl fmt::Debug for Unopened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Unopened").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

/// SHA-256(key id ‖ encapsulated key): what two copies of one request have in common and no two requests.
fn replay_digest(key_id: u8, encapsulated: &[u8]) -> [u8; 32] {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    context.update(&[key_id]);
    context.update(encapsulated);
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Plaintext that is wiped with its last handle.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// A request that was opened. All that can be sent about it from now on is sealed.
///
/// # Privacy
/// `Debug` shows nothing of the message.
pub struct Opened {
    message: Bytes,
    digest: [u8; 32],
    reply: Reply,
}

impl Opened {
    /// The Binary HTTP message inside. It is wiped when the last handle to it goes.
    #[must_use]
    pub fn message(&self) -> &Bytes {
        &self.message
    }

    /// SHA-256(key id ‖ encapsulated key), which copies of one request share.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// Encapsulates the answer (§4.4).
    #[must_use]
    pub fn seal(self, answer: Padded) -> EncapsulatedResponse {
        EncapsulatedResponse(self.reply.seal(answer))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Opened").field("bytes", &self.message.len()).finish_non_exhaustive()
    }
}

/// Key and nonce for the one response.
struct Reply {
    aead: Aead,
    key: Zeroizing<[u8; Aead::KEY_LENGTH_MAX]>,
    nonce: [u8; NONCE_LENGTH],
    response_nonce: [u8; RESPONSE_NONCE_MAX],
}

impl Reply {
    fn new(aead: Aead, context: &Context<'_>, encapsulated: &[u8], response_nonce: [u8; RESPONSE_NONCE_MAX]) -> Self {
        // max(Nn, Nk): the key of either AEAD is longer than its nonce.
        let length = aead.key_length();
        let mut secret = Zeroizing::new([0; Aead::KEY_LENGTH_MAX]);
        context.export(b"message/bhttp response", &mut secret[..length]);
        let salt = [encapsulated, &response_nonce[..length]].concat();
        let prk = hpke::extract(&salt, &[&secret[..length]]);
        let mut key = Zeroizing::new([0; Aead::KEY_LENGTH_MAX]);
        let mut nonce = [0; NONCE_LENGTH];
        hpke::expand(&prk, &[b"key"], &mut key[..length]);
        hpke::expand(&prk, &[b"nonce"], &mut nonce);
        Self { aead, key, nonce, response_nonce }
    }

    /// Where the answer stands, which costs least and leaves no second copy of it.
    fn seal(&self, answer: Padded) -> Bytes {
        let length = self.aead.key_length();
        let start = Padded::ROOM_BEFORE - length;
        let mut buffer = answer.into_buffer();
        buffer[start..Padded::ROOM_BEFORE].copy_from_slice(&self.response_nonce[..length]);
        self.aead.seal_from(&self.key[..length], self.nonce, &mut buffer, Padded::ROOM_BEFORE);
        Bytes::from(buffer).split_off(start)
    }
}

/// An answer that only the client can read.
pub struct EncapsulatedResponse(Bytes);

impl EncapsulatedResponse {
    /// What the relay gets, whatever the answer says: 200, the media type, the bytes (§5.2).
    #[must_use]
    pub fn into_http(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.0));
        *response.status_mut() = StatusCode::OK;
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type::OHTTP_RESPONSE));
        response
    }
}

impl fmt::Debug for EncapsulatedResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("EncapsulatedResponse").field("bytes", &self.0.len()).finish()
    }
}
