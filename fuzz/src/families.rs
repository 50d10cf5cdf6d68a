//! The column families of a database, by the number that an input begins with (`specs/storage.md`).

/// In no order that matters; an input says the place.
pub const FAMILIES: [&str; 11] = [
    "state",
    "messages",
    "repeats",
    "blobs",
    "outbox",
    "presented",
    "key_packages",
    "inbox",
    "followed",
    "public",
    "default",
];
