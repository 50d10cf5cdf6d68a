//! What the log calls a request.

use http::{Method, Uri};

use super::{health, metrics::METRICS};
use crate::client::http::Operation;

/// The path, if it is one of ours, and `other` for all others: what a client makes up is not written down.
pub fn route(_: &Method, uri: &Uri) -> &'static str {
    let mut ours = Operation::ALL.into_iter().map(Operation::path).chain(health::PATHS).chain([METRICS]);
    ours.find(|path| *path == uri.path()).unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_ours_are_told_and_no_others() {
        for path in Operation::ALL.into_iter().map(Operation::path).chain(health::PATHS).chain([METRICS]) {
            assert_eq!(route(&Method::POST, &Uri::from_static(path)), path);
        }
        for path in ["/", "/v1/send/alice", "/V1/SEND", "/v1/sen", "https://alice.example"] {
            assert_eq!(route(&Method::POST, &Uri::from_static(path)), "other", "{path}");
        }
        assert_eq!(route(&Method::POST, &Uri::from_static("/v1/send?user=alice")), "/v1/send");
    }
}
