//! Why an operation gave no result.

use super::ChannelError;
use crate::{client::Problem, wire::DecodeError};

/// An operation gave no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// No response came.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The provider refused.
    #[error(transparent)]
    Problem(#[from] Problem),
    /// The response is a success of another media type: whoever answered is no delivery service.
    #[error("the response has another media type than application/vnd.mimi-ds")]
    MediaType,
    /// The response, or the request, does not fit the wire format.
    #[error(transparent)]
    Encoding(#[from] DecodeError),
}

impl CallError {
    /// Whether the same request may succeed later without any change. Requests are idempotent by content, so that
    /// sending them again is always safe.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Channel(error) => error.is_transient(),
            Self::Problem(problem) => problem.is_transient(),
            Self::MediaType | Self::Encoding(_) => false,
        }
    }
}
