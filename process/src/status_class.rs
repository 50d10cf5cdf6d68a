//! How a request ended, in a word.

use http::StatusCode;

/// The class of a status (RFC 9110, §15), as logs and metrics say it: one of a closed set.
#[must_use]
pub fn status_class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500..600 => "5xx",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_a_class() {
        let class = |status| status_class(StatusCode::from_u16(status).unwrap());
        let edges =
            [(100, "1xx"), (200, "2xx"), (299, "2xx"), (304, "3xx"), (499, "4xx"), (503, "5xx"), (999, "other")];
        for (status, expected) in edges {
            assert_eq!(class(status), expected);
        }
    }
}
