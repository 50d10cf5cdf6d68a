//! Why a command changes nothing.

/// Well-formed but refused: an ordinary outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The KeyPackage was uploaded by another client before.
    KeyPackageReused,
    /// A client may store so many one-time KeyPackages for a version and suite.
    StockFull(usize),
    /// A user may have so many clients.
    TooManyClients(usize),
    /// A user may have so many stocks over all clients.
    TooManyStocks(usize),
    /// So many KeyPackages of a user are remembered by their references.
    TooManyReferences(u32),
    /// The user has uploaded too many KeyPackages lately.
    TooManyUploads,
    /// A user may have so many handles.
    TooManyHandles(u32),
    /// The ticket is not good for this Welcome, or what was accepted is not any more.
    WelcomeRefused,
    /// Somebody for whom the Welcome was accepted has no room for it now, or does not take it any more.
    InboxFull,
    /// There is no room for this hub's Welcomes now, whomever they are for.
    InboxesFull,
    /// The hub has asked for too many tickets that it did not use.
    TooManyTickets,
}

/// Why a command was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal<E> {
    /// It is refused.
    Rejected(Rejection),
    /// The state could not be read.
    State(E),
}

impl<E> From<Rejection> for Refusal<E> {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}
