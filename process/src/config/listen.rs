//! Where a listener without TLS may stand: loopback or a unix socket.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// A unix socket's path must fit `sockaddr_un`, with its closing zero (Linux; others have 104).
const UNIX_PATH_BYTES_MAX: usize = 103;

/// An address that only processes of this machine can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocalAddress {
    /// A loopback address and port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// The path of a unix socket. Who may connect is decided by the permissions of its folder.
    Unix(PathBuf),
}

impl LocalAddress {
    /// Reads `127.0.0.1:8080`, `[::1]:8080` or `unix:/run/restante/local.sock`. A relative socket path starts at
    /// `folder`.
    ///
    /// # Errors
    /// A sentence: it is no address, or one that other machines reach.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, String> {
        let address = match text.strip_prefix("unix:") {
            Some("") => return Err("names no socket; write unix: and a path, such as unix:/run/local.sock".into()),
            Some(path) => Self::Unix(folder.join(path)),
            None => Self::Tcp(parse_tcp(text).map_err(|sentence| format!("{sentence}, or unix: and a path"))?),
        };
        address.check().map(|()| address)
    }

    /// Refuses addresses that other machines can reach.
    ///
    /// # Errors
    /// A sentence that says why.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Tcp(address) if address.ip().to_canonical().is_loopback() => Ok(()),
            Self::Tcp(address) => Err(format!(
                "{address} can be reached from other machines, and this listener has no TLS; use a loopback address \
                 such as 127.0.0.1:{}, or a unix socket, and let a TLS proxy on this machine stand in front if the \
                 service runs elsewhere",
                address.port()
            )),
            Self::Unix(path) if path.as_os_str().len() > UNIX_PATH_BYTES_MAX => Err(format!(
                "the socket's path {} is longer than {UNIX_PATH_BYTES_MAX} bytes, which the system refuses; choose a \
                 shorter one",
                path.display()
            )),
            Self::Unix(_) => Ok(()),
        }
    }

    /// Its address and port; `None` for a unix socket.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }
}

impl fmt::Display for LocalAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(formatter, "{address}"),
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

/// Reads an address and a port. Names are not looked up: what is bound should not depend on a resolver.
///
/// # Errors
/// A sentence: it is no address and port.
pub fn parse_tcp(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!("`{text}` is not an address and a port; write both in figures, such as 127.0.0.1:8080 or [::1]:8080")
    })
}

/// Reports listeners of which only one can have its address: each that meets one before it goes to `note`, with its key.
/// `listeners` are keys, and addresses where there is such a listener.
pub fn check_addresses(listeners: &[(&str, Option<SocketAddr>)], note: &mut dyn FnMut(&str, String)) {
    let listeners: Vec<_> = listeners.iter().filter_map(|(key, address)| Some((*key, (*address)?))).collect();
    for (index, &(key, address)) in listeners.iter().enumerate() {
        if let Some((other, taken)) = listeners[..index].iter().find(|(_, taken)| meet(address, *taken)) {
            let sentence = format!(
                "is {address}, and {other} is {taken}: only one of the two can listen there; give one of them another \
                 port or address"
            );
            note(key, sentence);
        }
    }
}

/// For port 0 the system finds each a port of its own. Whether `[::]` takes the addresses of IPv4 along is a setting of
/// the system (`net.ipv6.bindv6only`): what it refuses there is told when the listener is made.
fn meet(one: SocketAddr, other: SocketAddr) -> bool {
    let (one_ip, other_ip) = (one.ip().to_canonical(), other.ip().to_canonical());
    one.port() == other.port()
        && one.port() != 0
        && one_ip.is_ipv4() == other_ip.is_ipv4()
        && (one_ip == other_ip || one_ip.is_unspecified() || other_ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_that_take_each_other_s_address_are_told() {
        for (one, other, is_told) in [
            ("127.0.0.1:8443", "127.0.0.1:8443", true),
            ("[::]:8443", "[::]:8443", true),
            ("0.0.0.0:8443", "192.0.2.1:8443", true),
            ("192.0.2.1:8443", "0.0.0.0:8443", true),
            ("[::]:8443", "[2001:db8::1]:8443", true),
            ("[::ffff:127.0.0.1]:8443", "127.0.0.1:8443", true),
            ("127.0.0.1:0", "127.0.0.1:0", false),
            ("127.0.0.1:8443", "127.0.0.1:8444", false),
            ("127.0.0.1:8443", "127.0.0.2:8443", false),
            ("[::]:8443", "127.0.0.1:8443", false),
            ("[::1]:8443", "127.0.0.1:8443", false),
        ] {
            let [first, second] = [one, other].map(|text| Some(parse_tcp(text).unwrap()));
            let mut told = Vec::new();
            let listeners = [("a.listen", first), ("b.listen", None), ("c.listen", second)];
            check_addresses(&listeners, &mut |key, sentence| told.push((key.to_owned(), sentence)));
            assert_eq!(told.len(), usize::from(is_told), "{one} {other}: {told:?}");
            for (key, sentence) in told {
                assert!(key == "c.listen" && sentence.contains("a.listen") && sentence.contains(one), "{sentence}");
            }
        }
    }

    fn parse(text: &str) -> Result<LocalAddress, String> {
        LocalAddress::parse(text, Path::new("/etc/restante"))
    }

    #[test]
    fn loopback_and_sockets_are_accepted_and_print_as_they_were_written() {
        for text in ["127.0.0.1:8080", "127.9.9.9:0", "[::1]:8080", "[::ffff:127.0.0.1]:80", "unix:/run/a.sock"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        assert_eq!(parse("unix:a.sock").unwrap(), LocalAddress::Unix("/etc/restante/a.sock".into()));
    }

    #[test]
    fn addresses_that_others_reach_are_refused_with_the_reason() {
        for text in ["0.0.0.0:8080", "192.0.2.1:8080", "[::]:8080", "[::ffff:192.0.2.1]:8080"] {
            let sentence = parse(text).unwrap_err();
            assert!(sentence.contains("no TLS") && sentence.contains("127.0.0.1:8080"), "{sentence}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_with_an_example() {
        for text in ["", "8080", "localhost:8080", "127.0.0.1", "127.0.0.1:99999"] {
            assert!(parse(text).unwrap_err().contains("127.0.0.1:8080"), "{text}");
        }
        assert!(parse("unix:").unwrap_err().contains("names no socket"));
        assert!(parse(&format!("unix:/{}", "a".repeat(103))).unwrap_err().contains("longer than 103"));
    }
}
