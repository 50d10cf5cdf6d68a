//! The media types of Oblivious HTTP (RFC 9458 §9).

/// An Encapsulated Request.
pub const OHTTP_REQUEST: &str = "message/ohttp-req";

/// An Encapsulated Response.
pub const OHTTP_RESPONSE: &str = "message/ohttp-res";

/// A list of key configurations.
pub const OHTTP_KEYS: &str = "application/ohttp-keys";

/// A problem document (RFC 9457).
pub(crate) const PROBLEM: &str = "application/problem+json";
