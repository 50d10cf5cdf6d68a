//! A provider's refusal, as its asker sees it.

use std::time::Duration;

use crate::wire::ProblemCode;

/// An answer other than success.
///
/// # Privacy
/// Keeps nothing of the document but its code: a peer's texts are not ours to log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What went wrong; `None` when the answer is no problem document of ours, as a proxy on the way might give.
    pub code: Option<ProblemCode>,
    /// `Retry-After`, when it was given in seconds.
    pub retry_after: Option<Duration>,
}

impl Problem {
    /// Whether the same request may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        match self.code {
            Some(code) => matches!(code, ProblemCode::RateLimited | ProblemCode::Unavailable),
            None => matches!(self.status, 408 | 429 | 500 | 502 | 503 | 504),
        }
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = self.code.map_or("no known problem", ProblemCode::as_str);
        write!(formatter, "the provider answered {} ({code})", self.status)?;
        match self.retry_after {
            Some(wait) => write!(formatter, "; try again in {} seconds", wait.as_secs().max(1)),
            None if self.is_transient() => formatter.write_str("; try again later"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::wire::ProblemCode;

    #[test]
    fn only_passing_faults_are_transient() {
        let transient: Vec<_> = ProblemCode::ALL
            .into_iter()
            .filter(|code| Problem { status: code.status(), code: Some(*code), retry_after: None }.is_transient())
            .collect();
        assert_eq!(transient, [ProblemCode::RateLimited, ProblemCode::Unavailable]);
        assert!(Problem { status: 502, code: None, retry_after: None }.is_transient());
        let told = |status, seconds: Option<u64>| {
            let retry_after = seconds.map(std::time::Duration::from_secs);
            Problem { status, code: None, retry_after }.to_string()
        };
        assert_eq!(told(503, Some(90)), "the provider answered 503 (no known problem); try again in 90 seconds");
        assert_eq!(told(502, None), "the provider answered 502 (no known problem); try again later");
        assert_eq!(told(404, None), "the provider answered 404 (no known problem)");
        assert!(!Problem { status: 404, code: None, retry_after: None }.is_transient());
    }
}
