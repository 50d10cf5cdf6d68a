//! The relay that a user's own provider runs: what a client knows of it.

use std::{fmt, net::SocketAddr, str::FromStr};

use http::uri;
use restante_names::have_one_holder;

use crate::{
    client::http::{PeerUrl, ServiceToken},
    wire::ServiceProviderId,
};

/// `https://host[:port]`: where the relay listens. The certificate must be good for that host.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayUrl(PeerUrl);

/// The text is no URL of a relay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a relay's url is https://host or https://host:port, without user, path or query")]
pub struct InvalidRelayUrl;

impl FromStr for RelayUrl {
    type Err = InvalidRelayUrl;

    fn from_str(url: &str) -> Result<Self, InvalidRelayUrl> {
        url.parse().map(Self).map_err(|_| InvalidRelayUrl)
    }
}

impl RelayUrl {
    /// `host` or `host:port`.
    pub fn authority(&self) -> &str {
        self.0.authority().as_str()
    }

    pub(super) fn uri_authority(&self) -> &uri::Authority {
        self.0.authority()
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RelayUrl(..)")
    }
}

/// The token by which a relay knows its own users: `Proxy-Authorization: Bearer`. It ends at the relay.
///
/// # Security
/// Wiped when dropped; what a request carries is marked sensitive.
///
/// # Privacy
/// `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub struct RelayToken(ServiceToken);

impl RelayToken {
    /// Takes the token as it stands in its file; white space around it is dropped. `None` when it is empty or has
    /// characters that no header can carry.
    pub fn new(token: &str) -> Option<Self> {
        ServiceToken::new(token).map(Self)
    }

    pub(super) fn header(&self) -> http::HeaderValue {
        self.0.header()
    }
}

/// A relay and how to use it.
#[derive(Clone, Debug)]
pub struct Relay {
    /// Where it is.
    pub url: RelayUrl,
    /// Where to connect instead of looking up the host of the url.
    pub address: Option<SocketAddr>,
    /// Who we are to it.
    pub token: RelayToken,
    /// The providers that its operator runs, as far as is known: usually the user's own.
    pub operators: Vec<ServiceProviderId>,
}

impl Relay {
    /// Whether relay and gateway are known to be one operator's, who would then see both who asks and what is asked
    /// (RFC 9458 §6): the names of the relay, or of a provider of its operator, and of this provider have one holder.
    pub(super) fn is_operated_by(&self, provider: &ServiceProviderId) -> bool {
        let operators = self.operators.iter().map(ServiceProviderId::as_str);
        let mut names = operators.chain([self.url.uri_authority().host()]);
        names.any(|name| have_one_holder(name, provider.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_operator_is_recognised_where_it_can_be() {
        let relay = |host: &str| Relay {
            url: format!("https://{host}").parse().unwrap(),
            address: None,
            token: RelayToken::new("secret").unwrap(),
            operators: vec!["hub.example".parse().unwrap()],
        };
        let provider = |id: &str| id.parse::<ServiceProviderId>().unwrap();
        for (host, id) in [
            ("relay.test", "hub.example"),
            ("follower.example", "follower.example"),
            ("FOLLOWER.example.:8443", "follower.example"),
            ("relay.follower.example", "follower.example"),
            ("follower.example", "mimi.follower.example"),
            ("relay.example.org", "gateway.example.org"),
            ("relay.example.co.uk:8443", "example.co.uk"),
            // What the operator runs is in the same domain.
            ("relay.test", "other.hub.example"),
        ] {
            assert!(relay(host).is_operated_by(&provider(id)), "{host} {id}");
        }
        for (host, id) in [
            ("relay.test", "follower.example"),
            ("relay.hub.example", "follower.example"),
            ("notfollower.example", "follower.example"),
            ("relay.co.uk", "gateway.co.uk"),
            ("127.0.0.1:8443", "follower.example"),
            ("[::1]:8443", "follower.example"),
        ] {
            assert!(!relay(host).is_operated_by(&provider(id)), "{host} {id}");
        }
    }

    #[test]
    fn nothing_of_a_relay_is_shown() {
        let relay = Relay {
            url: "https://relay.test".parse().unwrap(),
            address: None,
            token: RelayToken::new("s3cret").unwrap(),
            operators: Vec::new(),
        };
        let shown = format!("{relay:?}");
        assert!(!shown.contains("relay.test") && !shown.contains("s3cret"), "{shown}");
    }

    #[test]
    fn a_relay_is_reached_over_https_only() {
        for url in ["http://relay.test", "relay.test", "https://relay.test/path", "https://user@relay.test", ""] {
            assert_eq!(url.parse::<RelayUrl>(), Err(InvalidRelayUrl), "{url}");
        }
    }
}
