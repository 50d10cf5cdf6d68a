//! Values of header fields that clients choose (specs/http.md): a byte sequence, and how long somebody would like to wait.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A byte sequence of RFC 9651: base64 between colons. `None` when it is none.
pub fn byte_sequence(value: &str) -> Option<Vec<u8>> {
    STANDARD.decode(value.strip_prefix(':')?.strip_suffix(':')?).ok()
}

/// `wait=N` (RFC 7240 §4.3) in the values of `Prefer`, in seconds: the first that there is. A preference that is not
/// understood is none (RFC 7240 §2), which is 0.
pub fn preferred_wait<'value>(values: impl IntoIterator<Item = &'value str>) -> u32 {
    let wait = values
        .into_iter()
        .flat_map(|value| value.split(','))
        .filter_map(|preference| preference.split(';').next()?.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("wait"))
        .and_then(|(_, seconds)| seconds.trim().trim_matches('"').parse().ok());
    wait.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{byte_sequence, preferred_wait};

    #[test]
    fn byte_sequences_stand_between_colons() {
        assert_eq!(byte_sequence(":YWxpY2U=:").as_deref(), Some(&b"alice"[..]));
        assert_eq!(byte_sequence("::"), Some(Vec::new()));
        for value in ["", ":", "YWxpY2U=", ":YWxpY2U=", ":YWxpY2U:", ":YWxpY2V=:", ":YWxp Y2U=:", ":YWxp_2U=:"] {
            assert_eq!(byte_sequence(value), None, "{value}");
        }
    }

    #[test]
    fn the_first_wait_counts() {
        for (values, seconds) in [
            (&["respond-async"][..], 0),
            (&["wait=10"], 10),
            (&["respond-async", "Wait = \"7\"; x=1, wait=9"], 7),
            (&["wait=soon", "wait=9"], 0),
            (&["wait=-1"], 0),
            (&["wait=4294967296"], 0),
            (&["wait"], 0),
        ] {
            assert_eq!(preferred_wait(values.iter().copied()), seconds, "{values:?}");
        }
    }
}
