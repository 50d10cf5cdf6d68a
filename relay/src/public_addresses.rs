//! Which addresses of a gateway's name the relay connects to: those of the public internet.
//!
//! # Security
//! The name's records are the gateway's, and it may point them anywhere: at this machine, at its neighbours, at the
//! metadata service of a cloud. Users could reach those through a tunnel. An operator who wants such a place names it in
//! the configuration (`address`), and then nothing is looked up.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Those of a resolver's results that are public, in their order.
pub(crate) fn public_of(resolved: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    resolved.into_iter().filter(|address| is_public(address.ip())).collect()
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// What IANA's registry of special-purpose IPv4 addresses does not keep from the internet (RFC 6890).
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let is_special = a == 0
        || address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        // Multicast, reserved and broadcast.
        || a >= 224
        // Behind the NAT of a carrier (RFC 6598).
        || (a == 100 && (64..128).contains(&b))
        // Protocol assignments and 6to4's anycast.
        || matches!((a, b, c), (192, 0, 0) | (192, 88, 99))
        // Benchmarks (RFC 2544).
        || (a == 198 && matches!(b, 18 | 19));
    !is_special
}

/// Global unicast without what is special in it. That leaves out ::, ::1, fc00::/7, fe80::/10 and ff00::/8; an address
/// that holds an IPv4 address is as public as that one.
fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, c, d, e, f, g, h] = address.segments();
    let of_segments = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match (a, b) {
        // NAT64, which hosts without IPv4 reach gateways with IPv4 alone by (RFC 6052).
        (0x64, 0xff9b) => [c, d, e, f] == [0; 4] && is_public_v4(of_segments(g, h)),
        // 6to4 (RFC 3056).
        (0x2002, high) => is_public_v4(of_segments(high, c)),
        // Protocol assignments with Teredo, and documentation (RFC 3849, RFC 9637).
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, 0..=0xfff) => false,
        _ => a & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 443)).collect()
    }

    #[test]
    fn what_is_not_public_is_dropped() {
        for text in [
            "0.0.0.0",
            "0.1.2.3",
            "10.0.0.1",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.7",
            "192.88.99.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::7f00:1",
            "64:ff9b::a00:1",
            "64:ff9b:1::808:808",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::1",
            "2002:a00:1::1",
            "3fff::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert_eq!(public_of(addresses(&[text])), [], "{text}");
        }
    }

    #[test]
    fn what_is_public_stays_in_its_order() {
        let public = addresses(&[
            "2a00:1450:4001:81b::200e",
            "9.255.255.255",
            "11.0.0.1",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.1",
            "198.17.255.255",
            "198.20.0.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2002:808:808::1",
            "2606:4700::1111",
            "3fff:1000::1",
        ]);
        assert_eq!(public_of(public.iter().copied()), public);
        let mixed = addresses(&["127.0.0.1", "9.9.9.9", "::1", "2620:fe::fe"]);
        assert_eq!(public_of(mixed), addresses(&["9.9.9.9", "2620:fe::fe"]));
    }
}
