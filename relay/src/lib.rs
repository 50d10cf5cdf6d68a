//! An Oblivious HTTP relay (RFC 9458).
//!
//! Owns the way of an encapsulated request from a client to the gateway that it names, and of the
//! answer back: which gateways may be reached, how large and how many requests may be, and which
//! header fields are left behind. The relay sees who asks, and no word of what.
//!
//! # Privacy
//!
//! This crate must know no HPKE and no MLS. A relay that cannot decapsulate cannot be made to read
//! what it forwards, whoever changes its code: `cargo xtask check` asserts that neither `ohttp` nor
//! `hpke` nor any crate of mls-rs is in its dependency tree. It knows neither the gateway's code
//! nor the hub's, writes down no target and no address, and forwards nothing that tells one client
//! from another.
//!
//! Not built yet: the crate holds this place in the workspace and has no items.
