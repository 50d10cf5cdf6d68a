//! Somebody who is about to be added to a group.

use bytes::Bytes;
use mls_rs::MlsMessage;

use super::{GroupError, key_package_ref};
use crate::{
    mls::WireKeyPackage,
    wire::{self, KeyPackageRef, ServiceProviderId},
};

/// `MLSMessage` header of a KeyPackage: version mls10, wire format mls_key_package(5) (RFC 9420 §6).
pub(super) const KEY_PACKAGE_HEADER: [u8; 4] = [0, 1, 0, 5];

/// A KeyPackage and the provider of its owner, which the hub needs to deliver the Welcome (draft §4.2 `WelcomeData`).
///
/// # Privacy
/// `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMember {
    /// As it came in a `KeyPackageResponse`.
    pub key_package: WireKeyPackage,
    /// The preferred provider of the KeyPackage's owner.
    pub service_provider: ServiceProviderId,
}

impl NewMember {
    /// From a KeyPackage in the `MLSMessage` form that MLS libraries generate.
    ///
    /// # Errors
    /// [`GroupError::Encoding`] when the message is no KeyPackage.
    pub fn from_message(message: &MlsMessage, service_provider: ServiceProviderId) -> Result<Self, GroupError> {
        let bytes = message.to_bytes()?;
        let bare = bytes.strip_prefix(&KEY_PACKAGE_HEADER).ok_or(wire::DecodeError::InvalidValue)?;
        Ok(Self { key_package: wire::decode(bare)?, service_provider })
    }

    /// The KeyPackage as the MLS library takes it.
    ///
    /// # Errors
    /// [`GroupError::Mls`] when the library cannot read it.
    pub fn to_message(&self) -> Result<MlsMessage, GroupError> {
        let bytes: Bytes = [&KEY_PACKAGE_HEADER[..], self.key_package.bytes()].concat().into();
        Ok(MlsMessage::from_bytes(&bytes)?)
    }

    /// The reference under which the new member stands in the Welcome.
    ///
    /// # Errors
    /// [`GroupError::UnsupportedSuite`]
    pub fn reference(&self) -> Result<KeyPackageRef, GroupError> {
        key_package_ref(&self.key_package).ok_or(GroupError::UnsupportedSuite)
    }
}

impl std::fmt::Debug for NewMember {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("NewMember(..)")
    }
}
