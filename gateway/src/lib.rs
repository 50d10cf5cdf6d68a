//! An Oblivious HTTP gateway (RFC 9458) around any tower service.
//!
//! Owns the gateway's private keys and their `KeyConfig`s, decapsulates requests, hands the Binary
//! HTTP message inside (RFC 9292) to the service that it wraps, and encapsulates the answer. The
//! service sees a request that nobody sent; the gateway sees a relay and no client.
//!
//! # Privacy
//!
//! What an error says after decapsulation is encapsulated like any answer, so that the relay learns
//! nothing from it.
//!
//! This crate must know no MLS, and neither the hub that it stands in front of nor the relay: only
//! a program that is told to joins them. `cargo xtask check` asserts that none is in its dependency
//! tree.
//!
//! Not built yet: the crate holds this place in the workspace and has no items.
