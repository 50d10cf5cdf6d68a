//! What comes and goes beside the structures of the draft, in headers (specs/http.md).

use crate::wire::ReceiveResponse;

/// A `ReceiveResponse` and what its headers said about `epoch`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The body.
    pub response: ReceiveResponse,
    /// `DS-First-Index`: the index of the first message in `epoch`. Greater than the requested counter when the
    /// messages in between are no longer retained. `None`: the counter that was asked for.
    pub first_index: Option<u32>,
    /// `DS-Next-Index`: the counter to ask with next.
    pub next_index: Option<u32>,
    /// `DS-More: ?1`: the partition goes on behind this page.
    pub more: bool,
}

/// `DS-Expect-Commit`: which commit of the partition must be the last one, or the hub refuses with `commit_conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectCommit {
    /// `none`: there is no commit yet.
    None,
    /// The index of the last commit that the client has read (and rejected).
    Index(u32),
}

impl ExpectCommit {
    /// Reads the header's value.
    pub fn parse(value: &str) -> Option<Self> {
        match value {
            "none" => Some(Self::None),
            // from_str would take a plus sign and leading zeros.
            digits
                if digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0')) =>
            {
                digits.parse().ok().map(Self::Index)
            }
            _ => None,
        }
    }
}

impl std::fmt::Display for ExpectCommit {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::Index(index) => write!(formatter, "{index}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ExpectCommit;

    #[test]
    fn values_round_trip_and_nothing_else_is_read() {
        for expect in [ExpectCommit::None, ExpectCommit::Index(0), ExpectCommit::Index(u32::MAX)] {
            assert_eq!(ExpectCommit::parse(&expect.to_string()), Some(expect));
        }
        for value in ["", "None", "+1", "01", "-1", "4294967296", "1 ", "1,2"] {
            assert_eq!(ExpectCommit::parse(value), None, "{value}");
        }
    }
}
