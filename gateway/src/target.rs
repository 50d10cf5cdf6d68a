//! What may be asked for behind a gateway: the one authority, and a list of methods and paths.

use http::{Method, Request, Uri};

use bytes::Bytes;

use crate::binary::BinaryRequest;

/// The allow-list. There is no way to reach anything else, so there is nothing to forge a request to (no SSRF).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Host (and port, if it is not 443) that inner requests name; lower case.
    pub authority: String,
    /// Methods and paths, compared exactly; a query is part of the path.
    pub routes: Vec<(Method, String)>,
}

/// Why a request is not let through to the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotAllowed {
    /// Another scheme or authority: 421.
    Elsewhere,
    /// A path that is not in the list: 404.
    Path,
    /// A path of the list with another method: 405.
    Method,
}

impl Target {
    /// Whether the request may pass.
    ///
    /// # Errors
    /// When it may not.
    pub fn allow(&self, request: &Request<Bytes>) -> Result<(), NotAllowed> {
        let uri = request.uri();
        let authority = uri.authority().map(http::uri::Authority::as_str);
        if uri.scheme_str() != Some("https") || authority != Some(self.authority.as_str()) {
            return Err(NotAllowed::Elsewhere);
        }
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let mut routes = self.routes.iter().filter(|(_, route)| route == path).peekable();
        if routes.peek().is_none() {
            return Err(NotAllowed::Path);
        }
        if routes.any(|(method, _)| method == request.method()) { Ok(()) } else { Err(NotAllowed::Method) }
    }
}

/// The request as the service gets it: absolute URI, fields, content.
///
/// `None` when scheme, authority and path make no URI together.
pub(crate) fn into_http(request: BinaryRequest) -> Option<Request<Bytes>> {
    let uri = Uri::builder()
        .scheme(request.scheme.as_str())
        .authority(request.authority)
        .path_and_query(request.path)
        .build()
        .ok()?;
    let mut built = Request::new(request.content);
    *built.method_mut() = request.method;
    *built.uri_mut() = uri;
    *built.headers_mut() = request.fields;
    Some(built)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Target {
        Target {
            authority: "follower.example".into(),
            routes: vec![(Method::POST, "/v1/key-package".into()), (Method::POST, "/v1/key-packages".into())],
        }
    }

    fn ask(method: Method, uri: &str) -> Result<(), NotAllowed> {
        let mut request = Request::new(Bytes::new());
        *request.method_mut() = method;
        *request.uri_mut() = uri.parse().unwrap();
        target().allow(&request)
    }

    #[test]
    fn only_the_list_passes() {
        assert_eq!(ask(Method::POST, "https://follower.example/v1/key-package"), Ok(()));
        assert_eq!(ask(Method::POST, "https://follower.example/v1/key-packages"), Ok(()));
    }

    #[test]
    fn another_method_path_authority_or_scheme_does_not() {
        assert_eq!(ask(Method::GET, "https://follower.example/v1/key-package"), Err(NotAllowed::Method));
        for path in [
            "/",
            "/v1/send",
            "/v1/key-package/",
            "/v1/key-package?x",
            "/V1/key-package",
            "//v1/key-package",
            "/v1/./key-package",
        ] {
            assert_eq!(ask(Method::POST, &format!("https://follower.example{path}")), Err(NotAllowed::Path), "{path}");
        }
        for origin in [
            "http://follower.example",
            "https://hub.example",
            "https://follower.example:8443",
            "https://127.0.0.1",
            "https://follower.example.",
        ] {
            assert_eq!(ask(Method::POST, &format!("{origin}/v1/key-package")), Err(NotAllowed::Elsewhere), "{origin}");
        }
    }
}
