//! Uploading KeyPackages and managing tokens, over the local listener (specs/protocol.md, "KeyPackages", "Bearer tokens").

use std::fmt;

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize};

use super::BearerToken;
use crate::mls::{CipherSuite, Fault, ProtocolVersion, WireKeyPackage, fixed};

/// `opaque client_id[16]`: random bytes by which a device of a user names itself to its own provider.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, MlsSize, MlsEncode)]
pub struct ClientId([u8; 16]);

impl ClientId {
    /// Sixteen bytes that the device drew.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl MlsDecode for ClientId {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        fixed(reader).map(Self)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ClientId(..)")
    }
}

/// `opaque handle[16]`: the handle of a unique token, drawn by the provider.
///
/// # Privacy
/// It stands for a contact; `Debug` shows nothing of it.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, MlsSize, MlsEncode)]
pub struct TokenHandle([u8; 16]);

impl TokenHandle {
    /// Sixteen random bytes.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The handle in a token, if it has the length of those that are minted.
    pub fn of(handle: &[u8]) -> Option<Self> {
        handle.try_into().ok().map(Self)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl MlsDecode for TokenHandle {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        fixed(reader).map(Self)
    }
}

impl fmt::Debug for TokenHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHandle(..)")
    }
}

/// Stores KeyPackages of one client of the acting user: all of them, or none.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct UploadKeyPackagesRequest {
    /// On which device their private keys are.
    pub client_id: ClientId,
    /// At most [`UploadKeyPackagesRequest::MAX`]. One with the extension `last_resort` replaces the one before it.
    pub key_packages: Vec<WireKeyPackage>,
}

impl UploadKeyPackagesRequest {
    /// The most KeyPackages in one upload.
    pub const MAX: usize = 256;
}

impl MlsDecode for UploadKeyPackagesRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { client_id: ClientId::mls_decode(reader)?, key_packages: super::bounded_list(reader, Self::MAX)? })
    }
}

/// Removes the KeyPackages of one client of the acting user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct DeleteKeyPackagesRequest {
    /// The device.
    pub client_id: ClientId,
}

/// How many KeyPackages of one client, version and suite there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct KeyPackageStock {
    /// The device.
    pub client_id: ClientId,
    /// Their version.
    pub version: ProtocolVersion,
    /// Their suite.
    pub cipher_suite: CipherSuite,
    /// One-time KeyPackages that have not expired.
    pub available: u32,
    /// Whether there is a last-resort KeyPackage that has not expired.
    #[mls_codec(with = "super::flag")]
    pub has_last_resort: bool,
    /// How often it was handed out.
    pub last_resort_uses: u32,
    /// On which day it was handed out last: milliseconds from the Unix epoch to its beginning (UTC); 0 when never.
    pub last_resort_used_ms: u64,
}

/// The answer to an upload, a removal, and the question how things stand.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct KeyPackageStanding {
    /// A stock with fewer available ones is low: upload more.
    pub low_water_mark: u32,
    /// All stocks of the acting user.
    pub stocks: Vec<KeyPackageStock>,
}

impl KeyPackageStanding {
    /// More stocks than any policy allows.
    const STOCKS_MAX: usize = 4096;
}

impl MlsDecode for KeyPackageStanding {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { low_water_mark: u32::mls_decode(reader)?, stocks: super::bounded_list(reader, Self::STOCKS_MAX)? })
    }
}

/// `enum { shared(0), unique(1), (255) } MintTokenKind`, as [`super::BearerTokenKind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct MintTokenRequest {
    /// Shared: the token for all who look the user up. Unique: one with a handle of its own.
    pub kind: super::BearerTokenKind,
}

/// A token, as it is given to a contact.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct MintTokenResponse {
    /// Goes into [`super::KeyPackageRequest::bearer_token`], encoded.
    pub token: BearerToken,
}

impl fmt::Debug for MintTokenResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MintTokenResponse(..)")
    }
}

/// Which tokens of the acting user open nothing any more:
/// `struct { enum { user(0), handle(1), (255) } scope; select (scope) { case user: ; case handle: opaque handle[16]; } }`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RevokeTokenRequest {
    /// All.
    User,
    /// The one with that handle.
    Handle(TokenHandle),
}

const USER: u8 = 0;
const HANDLE: u8 = 1;

impl MlsSize for RevokeTokenRequest {
    fn mls_encoded_len(&self) -> usize {
        match self {
            Self::User => 1,
            Self::Handle(handle) => 1 + handle.mls_encoded_len(),
        }
    }
}

impl MlsEncode for RevokeTokenRequest {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        match self {
            Self::User => USER.mls_encode(writer),
            Self::Handle(handle) => {
                HANDLE.mls_encode(writer)?;
                handle.mls_encode(writer)
            }
        }
    }
}

impl MlsDecode for RevokeTokenRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        match u8::mls_decode(reader)? {
            USER => Ok(Self::User),
            HANDLE => TokenHandle::mls_decode(reader).map(Self::Handle),
            _ => Err(Fault::EnumValue.into()),
        }
    }
}

/// Whether there was anything to revoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct RevokeTokenResponse {
    /// Whether the acting user has the handle, revoked or not, or is known at all where all tokens are to be revoked. If
    /// not, nothing was changed.
    #[mls_codec(with = "super::flag")]
    pub found: bool,
}

/// What is known of a unique token.
///
/// # Privacy
/// `Debug` shows nothing: it stands for a contact.
#[derive(Clone, Copy, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct TokenUse {
    /// Its handle.
    pub handle: TokenHandle,
    /// On which day it was minted: milliseconds from the Unix epoch to its beginning (UTC).
    pub minted_ms: u64,
    /// Whether it opens nothing any more: it was revoked alone, or all tokens of all users were.
    #[mls_codec(with = "super::flag")]
    pub revoked: bool,
    /// How many fetches it opened.
    pub uses: u32,
    /// On which day it opened the last one, likewise; 0 when never.
    pub last_used_ms: u64,
}

impl fmt::Debug for TokenUse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenUse(..)")
    }
}

/// The unique tokens of the acting user.
///
/// # Privacy
/// `Debug` shows how many there are.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct ListTokensResponse {
    /// Raised whenever all tokens of the user are revoked; older ones open nothing.
    pub generation: u32,
    /// In the order of their handles.
    pub tokens: Vec<TokenUse>,
}

impl fmt::Debug for ListTokensResponse {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("ListTokensResponse").field("number", &self.tokens.len()).finish_non_exhaustive()
    }
}

impl ListTokensResponse {
    /// More handles than any policy allows.
    const TOKENS_MAX: usize = 65_536;
}

impl MlsDecode for ListTokensResponse {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { generation: u32::mls_decode(reader)?, tokens: super::bounded_list(reader, Self::TOKENS_MAX)? })
    }
}
