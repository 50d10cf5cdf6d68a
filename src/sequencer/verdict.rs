//! Negative policy: what is refused because of a fact that is known without doubt (draft §6).

/// What is known without doubt, and forbidden. A closed set: it says nothing of whom it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The acting user is banned from the groups of that hub.
    BannedUser,
    /// The acting user is muted, and the message is an application message.
    MutedUser,
    /// The operator wants nothing to do with that provider.
    BlockedProvider,
}
