//! Where the collector is.

use std::{fmt, str::FromStr};

use http::{Uri, uri::PathAndQuery};
use rustls::pki_types::ServerName;

use crate::config::is_this_machine;

/// `https`, or `http` to this machine; a host, perhaps a port, and the whole path.
///
/// # Privacy
/// It may have a secret in its path or query: it is not shown, and neither is it in the reason why a text is no such url.
#[derive(Clone, PartialEq, Eq)]
pub struct CollectorUrl {
    host: String,
    port: u16,
    is_tls: bool,
    authority: String,
    path: PathAndQuery,
}

/// Why a text is no url of a collector, as the end of a sentence that names the setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// No url at all.
    #[error("is no url; write it as in http://127.0.0.1:4318/v1/metrics")]
    NoUrl,
    /// Another scheme.
    #[error("is neither http nor https; write it as in http://127.0.0.1:4318/v1/metrics")]
    Scheme,
    /// A user name.
    #[error("has a user name; name a file with the credentials as authorization_file")]
    User,
    /// No host, or a port that is none.
    #[error("has no usable host or port; write it as in http://127.0.0.1:4318/v1/metrics")]
    Host,
    /// A host that no certificate can name.
    #[error("has a host that no certificate can name; write its domain name, or its address in full")]
    Unnamed,
    /// Nothing behind the host.
    #[error("has no path; collectors take metrics at /v1/metrics unless they are told otherwise")]
    Path,
    /// What is never sent.
    #[error("has a fragment, which is sent to nobody; take it out")]
    Fragment,
    /// In clear over a network.
    #[error("leads to another machine without TLS; use https, or a collector on this machine")]
    Clear,
}

impl FromStr for CollectorUrl {
    type Err = InvalidUrl;

    fn from_str(text: &str) -> Result<Self, InvalidUrl> {
        // `Uri` drops a fragment without a word.
        if text.contains('#') {
            return Err(InvalidUrl::Fragment);
        }
        let url: Uri = text.parse().map_err(|_| InvalidUrl::NoUrl)?;
        let authority = url.authority().ok_or(InvalidUrl::NoUrl)?;
        let is_tls = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(InvalidUrl::Scheme),
        };
        if authority.as_str().contains('@') {
            return Err(InvalidUrl::User);
        }
        let host = authority.host();
        let port = match authority.as_str().strip_prefix(host) {
            Some("") => Some(if is_tls { 443 } else { 80 }),
            Some(_) => authority.port_u16().filter(|port| *port != 0),
            None => None,
        };
        let port = port.filter(|_| !host.is_empty()).ok_or(InvalidUrl::Host)?;
        let host = host.trim_matches(['[', ']']).to_owned();
        if is_tls && ServerName::try_from(host.as_str()).is_err() {
            return Err(InvalidUrl::Unnamed);
        }
        if !is_tls && !is_this_machine(authority) {
            return Err(InvalidUrl::Clear);
        }
        let path = url.path_and_query().filter(|path| path.path() != "/").ok_or(InvalidUrl::Path)?;
        Ok(Self { host, port, is_tls, authority: authority.as_str().to_owned(), path: path.clone() })
    }
}

impl CollectorUrl {
    /// Whether it is reached over TLS.
    pub(super) fn is_tls(&self) -> bool {
        self.is_tls
    }

    /// Without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// What the Host field says.
    pub(super) fn authority(&self) -> &str {
        &self.authority
    }

    pub(super) fn path(&self) -> &PathAndQuery {
        &self.path
    }
}

impl fmt::Debug for CollectorUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CollectorUrl").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_taken_apart() {
        let url = |text: &str| text.parse::<CollectorUrl>().unwrap();
        let parts = |url: &CollectorUrl| (url.host().to_owned(), url.port(), url.is_tls(), url.path().to_string());
        let here = url("http://127.0.0.1:4318/v1/metrics");
        assert_eq!(parts(&here), ("127.0.0.1".into(), 4318, false, "/v1/metrics".into()));
        let there = url("https://collector.example/tenant/v1/metrics?key=secret");
        assert_eq!(parts(&there), ("collector.example".into(), 443, true, "/tenant/v1/metrics?key=secret".into()));
        let six = url("http://[::1]/v1/metrics");
        assert_eq!((parts(&six), six.authority()), (("::1".into(), 80, false, "/v1/metrics".into()), "[::1]"));
        assert_eq!(format!("{there:?}"), "CollectorUrl { .. }");
    }

    #[test]
    fn what_cannot_be_meant_is_refused_without_showing_it() {
        for (text, reason) in [
            ("", InvalidUrl::NoUrl),
            ("/v1/secret", InvalidUrl::NoUrl),
            ("http:// secret", InvalidUrl::NoUrl),
            ("ftp://127.0.0.1/secret", InvalidUrl::Scheme),
            ("https://me:secret@collector.example/v1/metrics", InvalidUrl::User),
            ("https://collector.example:0/secret", InvalidUrl::Host),
            ("https://collector.example:99999/secret", InvalidUrl::Host),
            ("https://a..b/secret", InvalidUrl::Unnamed),
            ("https://10.0.0/secret", InvalidUrl::Unnamed),
            ("https://collector.example", InvalidUrl::Path),
            ("https://collector.example/?secret", InvalidUrl::Path),
            ("https://collector.example/v1/metrics#secret", InvalidUrl::Fragment),
            ("http://collector.example/secret", InvalidUrl::Clear),
            ("http://192.0.2.1:4318/secret", InvalidUrl::Clear),
        ] {
            assert_eq!(text.parse::<CollectorUrl>(), Err(reason), "{text}");
            assert!(!reason.to_string().contains("secret"));
        }
    }
}
