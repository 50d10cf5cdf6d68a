//! Where a program connects by itself: what every url of a configuration must be.

use std::net::IpAddr;

use http::uri::Authority;

/// Whether a url's host is this machine, so that what is sent there needs no TLS.
#[must_use]
pub fn is_this_machine(authority: &Authority) -> bool {
    let host = authority.host();
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_this_machine_and_nothing_else_is() {
        let is_here = |text: &str| is_this_machine(&text.parse().unwrap());
        for here in ["localhost", "localhost:1", "127.0.0.1:4318", "127.1.2.3", "[::1]:4318"] {
            assert!(is_here(here), "{here}");
        }
        for there in ["localhost.example", "192.0.2.1:4318", "[2001:db8::1]", "0.0.0.0", "127.0.0.1.example"] {
            assert!(!is_here(there), "{there}");
        }
    }
}
