//! `ServiceProviderId` (draft §4.2): the name of a provider.

use std::{fmt, str::FromStr};

use mls_rs_codec::{MlsDecode, MlsEncode, MlsSize, byte_vec};

use crate::mls::{Fault, vector};

/// `opaque ServiceProviderId<V>`: a lower-case A-label FQDN in ASCII, without trailing dot or port, 1 to 253 bytes.
/// Compared as bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceProviderId(Box<str>);

/// The text is no lower-case A-label FQDN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a service provider id is a lower-case domain name with at least two labels, such as hub.example, \
     in A-labels (xn--…), without port or trailing dot"
)]
pub struct InvalidServiceProviderId;

impl ServiceProviderId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

fn is_fqdn(name: &str) -> bool {
    let mut labels = name.split('.');
    name.len() <= 253
        && labels.clone().count() >= 2
        && labels.clone().all(is_label)
        // The last label of a domain name is never all digits: an address is no name.
        && labels.next_back().is_some_and(|label| !label.bytes().all(|byte| byte.is_ascii_digit()))
}

impl FromStr for ServiceProviderId {
    type Err = InvalidServiceProviderId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if is_fqdn(name) { Ok(Self(name.into())) } else { Err(InvalidServiceProviderId) }
    }
}

impl fmt::Display for ServiceProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ServiceProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl MlsSize for ServiceProviderId {
    fn mls_encoded_len(&self) -> usize {
        byte_vec::mls_encoded_len(&self.0.as_bytes())
    }
}

impl MlsEncode for ServiceProviderId {
    fn mls_encode(&self, writer: &mut Vec<u8>) -> Result<(), mls_rs_codec::Error> {
        byte_vec::mls_encode(&self.0.as_bytes(), writer)
    }
}

impl MlsDecode for ServiceProviderId {
    fn mls_decode(reader: &mut &[u8]) -> Result<Self, mls_rs_codec::Error> {
        let name = std::str::from_utf8(vector(reader)?).map_err(|_| Fault::ServiceProviderId)?;
        Ok(name.parse().map_err(|InvalidServiceProviderId| Fault::ServiceProviderId)?)
    }
}
