//! Which domain names tell that one entity holds both.
//!
//! Relay and gateway cannot be one entity's, who would see both who asks and what is asked (RFC 9458 §6). Names are all
//! that clients and relays know of who runs what, so both hold them to the rule that stands here, and to no other.
//!
//! # Privacy
//! Nothing is looked up: the list of public suffixes is compiled in. A question to a server about two names would tell
//! it who is about to reach whom.

use std::net::{IpAddr, Ipv6Addr};

/// Whether the names of two hosts or providers tell that one entity holds both: they have the same registrable domain,
/// the label below a public suffix (<https://publicsuffix.org>), or one stands in the other's domain.
///
/// Suffixes of the list's private part count as well: what stands below one of them belongs to different customers. What
/// the list does not know is taken for a suffix of one label, as the list itself says. Case and a dot at the end make no
/// difference. Addresses are in no domain: two of them are one entity's if they are equal.
pub fn have_one_holder(one: &str, other: &str) -> bool {
    let (one, other) = (normalize(one), normalize(other));
    if is_address(&one) || is_address(&other) {
        return one == other;
    }
    let registrable = psl::domain_str;
    stands_in(&one, &other)
        || stands_in(&other, &one)
        || registrable(&one).is_some_and(|domain| registrable(&other) == Some(domain))
}

fn normalize(name: &str) -> String {
    name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase()
}

/// An address, also as a URL writes it.
fn is_address(name: &str) -> bool {
    let bracketed = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    bracketed.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok()) || name.parse::<IpAddr>().is_ok()
}

/// Whether a name is a domain's own or stands somewhere below it.
fn stands_in(name: &str, domain: &str) -> bool {
    !domain.is_empty() && name.strip_suffix(domain).is_some_and(|left| left.is_empty() || left.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn both_ways(one: &str, other: &str) -> bool {
        let answer = have_one_holder(one, other);
        assert_eq!(have_one_holder(other, one), answer, "{one} {other}");
        answer
    }

    #[test]
    fn names_below_one_registered_domain_have_one_holder() {
        for (one, other) in [
            ("hub.example", "hub.example"),
            ("relay.hub.example", "hub.example"),
            ("relay.example.org", "gateway.example.org"),
            ("a.b.example.org", "c.d.e.example.org"),
            ("relay.example.co.uk", "gateway.example.co.uk"),
            ("relay.example.xn--85x722f.xn--55qx5d.cn", "gw.example.xn--85x722f.xn--55qx5d.cn"),
            ("RELAY.Example.ORG.", "gateway.example.org"),
            // One customer of a host, twice.
            ("a.someone.github.io", "b.someone.github.io"),
            // An exception of the list: this one is registered below what is a suffix for all others.
            ("a.www.ck", "b.www.ck"),
            // Who holds a suffix holds what stands in it.
            ("github.io", "someone.github.io"),
            ("localhost", "relay.localhost"),
        ] {
            assert!(both_ways(one, other), "{one} {other}");
        }
    }

    #[test]
    fn names_that_only_share_a_suffix_have_not() {
        for (one, other) in [
            ("hub.example", "follower.example"),
            ("relay.hub.example", "follower.example"),
            ("hub.example", "nothub.example"),
            ("example.org", "example.net"),
            ("example.org", "org.example"),
            ("relay.co.uk", "gateway.co.uk"),
            ("a.someone.github.io", "b.other.github.io"),
            ("relay.something.ck", "gateway.else.ck"),
            ("one.city.kawasaki.jp", "two.kawasaki.jp"),
            ("localhost", "hub.example"),
            ("", "hub.example"),
            ("", "localhost"),
        ] {
            assert!(!both_ways(one, other), "{one} {other}");
        }
    }

    #[test]
    fn addresses_are_in_no_domain() {
        for (one, other) in [
            ("127.0.0.1", "10.0.0.1"),
            ("10.1.0.1", "10.2.0.1"),
            ("[::1]", "[fe80::1]"),
            ("127.0.0.1", "hub.example"),
            ("[::1]", "hub.example"),
        ] {
            assert!(!both_ways(one, other), "{one} {other}");
        }
        assert!(both_ways("127.0.0.1", "127.0.0.1") && both_ways("[::1]", "[::1]"));
    }
}
