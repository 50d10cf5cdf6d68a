//! `ProviderId`: the name of the provider that a gateway belongs to.
//!
//! The same names as the delivery service's `ServiceProviderId`. This crate does not link that one, so the rule stands
//! here once more.

use std::{fmt, str::FromStr};

/// A lower-case domain name in A-labels, with at least two labels, without port or trailing dot, 1 to 253 bytes.
/// Compared as bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProviderId(Box<str>);

/// The text is no lower-case domain name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write a lower-case domain name with at least two labels, such as follower.example, without port or dot behind it"
)]
pub struct InvalidProviderId;

impl ProviderId {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the two names tell that one entity runs both. Clients hold relay and gateway to the same rule.
    pub fn is_related(&self, other: &ProviderId) -> bool {
        restante_names::have_one_holder(&self.0, &other.0)
    }
}

/// Whether a text is a name in this form. Names of hosts that the relay dials are held to the same rule.
pub(crate) fn is_domain_name(name: &str) -> bool {
    let mut labels = name.split('.');
    name.len() <= 253
        && labels.clone().count() >= 2
        && labels.clone().all(is_label)
        // The last label of a domain name is never all digits: an address is no name.
        && labels.next_back().is_some_and(|label| !label.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_label(label: &str) -> bool {
    let bytes = label.as_bytes();
    (1..=63).contains(&bytes.len())
        && bytes.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-')
        && bytes.first() != Some(&b'-')
        && bytes.last() != Some(&b'-')
}

impl FromStr for ProviderId {
    type Err = InvalidProviderId;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if is_domain_name(name) { Ok(Self(name.into())) } else { Err(InvalidProviderId) }
    }
}

impl fmt::Display for ProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl fmt::Debug for ProviderId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl std::borrow::Borrow<str> for ProviderId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_lower_case_domain_names_are_ids() {
        for good in ["follower.example", "a.b", "xn--bcher-kva.example", "1.example"] {
            assert_eq!(good.parse::<ProviderId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "example",
            "Follower.example",
            "follower.example.",
            "-a.example",
            "a..b",
            "127.0.0.1",
            "a.b:443",
            "a/b.c",
            "a%2eb.c",
            "..",
            "a.b/",
        ] {
            assert!(bad.parse::<ProviderId>().is_err(), "{bad}");
        }
    }
}
