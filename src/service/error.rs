//! Why an operation was not carried out.

use crate::{client::InvalidKeyPackage, pool, sequencer::Rejection, store};

/// Joins what the sequencer refuses with what goes wrong on our side.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// An ordinary outcome.
    #[error("the request was refused")]
    Rejected(Rejection),
    /// An ordinary outcome about KeyPackages and tokens.
    #[error("the request was refused")]
    PoolRejected(pool::Rejection),
    /// A KeyPackage of an upload is not valid; none was stored.
    #[error("a KeyPackage is not valid: {reason}")]
    InvalidKeyPackage {
        /// Its place in the upload, from 0.
        at: usize,
        /// Why.
        reason: InvalidKeyPackage,
    },
    /// A KeyPackage of an upload is longer than this; none was stored.
    #[error("a KeyPackage has more than {0} bytes")]
    KeyPackageTooLarge(usize),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The lane has too much to do.
    #[error("too many requests wait for the database")]
    Overloaded,
    /// The service ends.
    #[error("the service is shutting down")]
    ShuttingDown,
    /// A push for what this provider does not follow.
    #[error("this provider is not subscribed to that")]
    NotSubscribed,
    /// A push with a message of another group than its own.
    #[error("a pushed message is of another group")]
    ForeignMessage,
    /// A question about Welcomes that names a KeyPackage twice.
    #[error("a KeyPackageRef stands twice in the request")]
    RepeatedReference,
    /// The provider, or the user, has had too much sequenced lately.
    #[error("too many messages from there lately")]
    TooFast {
        /// When to try again, in seconds.
        retry_after_seconds: u32,
    },
    /// As many users of one provider are banned as a list can hold.
    #[error("too many users of that provider are banned")]
    TooManyBans,
    /// Too many joins and proposals of that provider, or user, were checked lately that belong nowhere, or too many of its
    /// Welcomes were asked about that are refused.
    #[error("too many joins, proposals and Welcomes from there came to nothing")]
    TooManyInVain,
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
