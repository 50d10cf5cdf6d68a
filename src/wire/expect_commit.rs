//! `DS-Expect-Commit`: the condition that a committer sets (specs/protocol.md, S7). It travels in a header field.

/// Which commit of the partition must be the last one, or the hub refuses with `commit_conflict`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpectCommit {
    /// `none`: the partition has no commit.
    None,
    /// There is none behind the one at this index, which the client has read (and rejected).
    Index(u32),
}

impl ExpectCommit {
    /// Reads the value of the field; `None` when it is not of its form.
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
