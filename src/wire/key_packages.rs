//! KeyPackage requests (draft §4.1), alone and in bundles.

use std::{collections::HashSet, fmt};

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::mls::{CipherSuite, Fault, ProtocolVersion, WireKeyPackage};

/// Asks for a KeyPackage of a user.
///
/// # Privacy
/// `Debug` shows the suite only; the fields that name somebody are wiped when dropped.
#[derive(Clone, PartialEq, Eq, MlsSize, MlsEncode, Zeroize, ZeroizeOnDrop)]
pub struct KeyPackageRequest {
    /// The Service-Specific Identifier of the user, at most 512 bytes.
    #[mls_codec(with = "byte_vec")]
    pub user_id: Vec<u8>,
    /// What the requester learned in discovery.
    #[mls_codec(with = "byte_vec")]
    pub bearer_token: Vec<u8>,
    /// The version that the KeyPackage must have.
    #[zeroize(skip)]
    pub version: ProtocolVersion,
    /// The suite that the KeyPackage must have.
    #[zeroize(skip)]
    pub cipher_suite: CipherSuite,
}

impl KeyPackageRequest {
    /// The longest user id, in bytes.
    pub const USER_ID_MAX: usize = 512;
    /// The longest bearer token, in bytes.
    pub const BEARER_TOKEN_MAX: usize = 1024;
}

impl MlsDecode for KeyPackageRequest {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self {
            user_id: super::bounded_bytes(reader, Self::USER_ID_MAX, Fault::UserId)?,
            bearer_token: super::bounded_bytes(reader, Self::BEARER_TOKEN_MAX, Fault::TokenLength)?,
            version: ProtocolVersion::mls_decode(reader)?,
            cipher_suite: CipherSuite::mls_decode(reader)?,
        })
    }
}

impl fmt::Debug for KeyPackageRequest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("KeyPackageRequest").field("cipher_suite", &self.cipher_suite).finish_non_exhaustive()
    }
}

/// The draft's answer: one KeyPackage.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct KeyPackageResponse {
    /// Matches the requested version and suite.
    pub key_package: WireKeyPackage,
}

/// `KeyPackageRequest requests<V>`: a bundle of at most 32.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize)]
pub struct KeyPackageRequests {
    /// In the order in which they are answered. No two are for the same user, version and suite, whatever their tokens.
    pub requests: Vec<KeyPackageRequest>,
}

impl KeyPackageRequests {
    /// The most requests in one bundle.
    pub const MAX: usize = 32;

    /// How many requests a bundle has, also one that asks for somebody twice; `None` for what is no list of them.
    pub fn count_in(mut bytes: &[u8]) -> Option<usize> {
        let requests: Vec<KeyPackageRequest> = super::bounded_list(&mut bytes, Self::MAX).ok()?;
        bytes.is_empty().then_some(requests.len())
    }

    /// What one token makes a provider do is done once in a bundle.
    fn check(&self) -> Result<(), Fault> {
        let mut asked = HashSet::with_capacity(self.requests.len());
        let all_differ =
            self.requests.iter().all(|request| asked.insert((&request.user_id, request.version, request.cipher_suite)));
        if all_differ { Ok(()) } else { Err(Fault::Repetition) }
    }
}

impl MlsEncode for KeyPackageRequests {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        self.check()?;
        self.requests.mls_encode(writer)
    }
}

impl MlsDecode for KeyPackageRequests {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let bundle = Self { requests: super::bounded_list(reader, Self::MAX)? };
        bundle.check()?;
        Ok(bundle)
    }
}

/// `enum { ok(0), denied(1), exhausted(2), incompatible(3), (255) } KeyPackageStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
#[repr(u8)]
pub enum KeyPackageStatus {
    /// KeyPackages follow.
    Ok = 0,
    /// Bad token, unknown user or blocked: nobody can tell which.
    Denied = 1,
    /// The pool is empty and there is no last-resort package.
    Exhausted = 2,
    /// No KeyPackage of that version and suite.
    Incompatible = 3,
}

/// The answer to one request of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode, MlsDecode)]
pub struct KeyPackageResult {
    /// How it went.
    pub status: KeyPackageStatus,
    /// One for each matching client of the user.
    pub key_packages: Vec<WireKeyPackage>,
}

/// `KeyPackageResult results<V>`: by position of the requests.
#[derive(Clone, Debug, PartialEq, Eq, MlsSize, MlsEncode)]
pub struct KeyPackageResults {
    /// One for each request: at most [`KeyPackageRequests::MAX`].
    pub results: Vec<KeyPackageResult>,
}

impl MlsDecode for KeyPackageResults {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        Ok(Self { results: super::bounded_list(reader, KeyPackageRequests::MAX)? })
    }
}
