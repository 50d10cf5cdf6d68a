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
    /// `DS-Restored: ?1`: the messages in between, if there were any, are unknown to the hub: it was put back from a backup,
    /// and goes on here.
    pub restored: bool,
    /// `DS-Next-Index`: the counter to ask with next.
    pub next_index: Option<u32>,
    /// `DS-More: ?1`: the partition goes on behind this page.
    pub more: bool,
}
