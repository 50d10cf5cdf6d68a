//! Why an operation was not carried out.

use crate::{sequencer::Rejection, store};

/// Joins what the sequencer refuses with what goes wrong on our side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An ordinary outcome.
    #[error("the request was refused")]
    Rejected(Rejection),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The lane has too much to do.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The service ends.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// Too many receives of that provider wait.
    #[error("too many receives of this provider wait")]
    TooManyWaiting,
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoEntropy,
    /// A thread could not be started.
    #[error("a thread could not be started: raise the limit on threads")]
    NoThread,
}

impl From<Rejection> for Error {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
