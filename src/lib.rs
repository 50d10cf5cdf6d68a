//! Restante: a delivery service for MLS groups (RFC 9420) that never learns who talks to whom.

pub mod mls;
pub mod wire;
